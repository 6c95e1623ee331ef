"""Names for fictitious people: parts of Vietnamese names with the weight that each has in real life.

A tier is a weight and the names that share it. Weights are rough: they make lists look right, and prove nothing.
"""

import unicodedata

MALE, FEMALE = "Nam", "Nữ"
KINH = "Kinh"


def weights(*tiers: tuple[int, str]) -> dict[str, int]:
    """Read tiers of names; a dot stands for the space inside a name. Names come out composed (NFC), once each."""
    found: dict[str, int] = {}
    for weight, names in tiers:
        for name in unicodedata.normalize("NFC", names).split():
            found.setdefault(name.replace(".", " "), weight)
    return found


# Family names by ethnic group; a group that is not named here uses those of the Kinh.
FAMILY = {
    KINH: weights(
        (420, "Nguyễn"),
        (110, "Trần"),
        (95, "Lê"),
        (70, "Phạm"),
        (51, "Hoàng"),
        (45, "Phan Vũ"),
        (39, "Đặng Bùi Võ"),
        (28, "Đỗ Hồ"),
        (16, "Ngô Dương"),
        (10, "Lý Đinh Đào Huỳnh Trương"),
        (7, "Lương Trịnh Đoàn Lâm Mai Cao"),
        (5, "Hà Tô Phùng Thái Tạ Châu Vương Chu Quách"),
        (3, "Lưu Kiều Tăng La Khổng Nghiêm Thân Từ Doãn Văn Thiều"),
    ),
    "Tày": weights((20, "Hoàng Nông"), (12, "Nguyễn Lương"), (8, "Hà Ma Lý Bế"), (4, "Đàm Triệu Lê Mông Hứa Chu")),
    "Nùng": weights((20, "Nông Hoàng"), (12, "Lương Vi Lý"), (6, "Triệu Hứa Lục Lâm Mã Vương")),
    "Thái": weights((20, "Lò Quàng"), (12, "Cà Vi Lường"), (8, "Tòng Hà Lô Vì Cầm"), (4, "Bạc Điêu Lương Mè Ngân")),
    "Mường": weights((35, "Bùi"), (18, "Đinh Nguyễn Quách"), (8, "Hà Phạm Bạch Phùng"), (4, "Cao Trương Xa Hoàng")),
    "Mông": weights((18, "Giàng Vàng Sùng Thào"), (10, "Mùa Lý Lầu Hờ"), (6, "Vừ Cứ Hạng Ly Chảo Và")),
    "Dao": weights((20, "Triệu Bàn Đặng"), (12, "Lý Phùng"), (6, "Tẩn Chảo Hoàng Dương")),
    "Khmer": weights((16, "Thạch Danh Kim Sơn"), (10, "Châu Lâm Trần"), (6, "Lý Tăng Liêu Neáng Chau")),
    "Hoa": weights((14, "Trần Lâm Lý"), (8, "Huỳnh Quách Vương Trương"), (5, "Tăng Lưu Thái Châu Mạc Ngô Hứa")),
    "Sán Dìu": weights((14, "Trương Lưu Tô"), (8, "Lý Diệp Từ Ninh Hoàng")),
    "Giáy": weights((12, "Vàng Lù Hoàng"), (6, "Lý Nông Sần Phan")),
}

# Middle names differ between generations: "Thị" and "Văn" were nearly the rule, and no longer are.
MIDDLE_BEFORE_1980 = {
    MALE: weights(
        (420, "Văn"),
        (40, "Đình Xuân Ngọc Hữu"),
        (26, "Quang Đức Minh Thanh Công"),
        (15, "Duy Quốc Trọng Bá Thế Viết Hồng"),
        (8, "Mạnh Tiến Khắc Như Phú Sỹ Danh Nhật Hoàng Anh Trung Trường Huy Chí"),
    ),
    FEMALE: weights(
        (520, "Thị"),
        (26, "Thị.Kim Thị.Thanh Thị.Thu Thị.Ngọc Thị.Hồng"),
        (16, "Thị.Minh Thị.Bích Thị.Mỹ Thị.Xuân Thị.Tuyết Thị.Phương Thị.Lan"),
        (8, "Thu Kim Ngọc Thanh Bích Hồng Tuyết Mỹ Minh Xuân Thúy Diệu"),
    ),
}
MIDDLE_SINCE_1980 = {
    MALE: weights(
        (130, "Văn"),
        (60, "Minh Đức Quang"),
        (42, "Hoàng Tuấn Quốc Anh Gia Duy"),
        (28, "Thanh Ngọc Hữu Xuân Công Thành Mạnh Đình"),
        (18, "Trung Tiến Nhật Bảo Huy Hải Trọng Việt Thế Khánh"),
        (10, "Chí Phúc Thiên Tấn Phước Bá Viết Trường Vĩnh Đăng Hồng Tùng Nam Phú Sỹ Danh Khắc Như Đại Nguyên"),
        (5, "Hà Kim Lê Nguyễn Thái Trí Vũ Kiến Đông Hùng Sơn Long Khôi Minh.Đức Hoàng.Gia Anh.Đức"),
    ),
    FEMALE: weights(
        (190, "Thị"),
        (56, "Ngọc Thanh Phương"),
        (40, "Minh Thu Thùy Khánh Bảo"),
        (28, "Thị.Thu Thị.Thanh Thị.Ngọc Thị.Kim Thị.Hồng Hồng Kim Mai Quỳnh"),
        (18, "Thị.Phương Thị.Thùy Thị.Mỹ Thị.Minh Thị.Bích Thị.Lan Bích Mỹ Diệu Lan Hoài Hà Như Tuyết Cẩm"),
        (10, "Gia Anh Ánh Kiều Huyền Linh Hải Diễm Trúc Tú Vân Xuân Yến Cát Hoàng Tường Uyên Nhã Thiên Thảo An"),
        (5, "Thị.Diễm Thị.Hoài Thị.Huyền Thị.Ánh Thị.Cẩm Thị.Quỳnh Đan Đông Hạnh Hương Lệ Song Thủy Trà Trâm Việt"),
    ),
}

GIVEN = {
    MALE: weights(
        (30, "Hùng Dũng Tuấn Minh Hiếu Anh Nam"),
        (22, "Long Đức Thắng Sơn Cường Hải Huy Hoàng Thành Trung Quân Phong"),
        (15, "Bình Tùng Kiên Khánh Duy Đạt Khoa Lâm Linh Mạnh Nghĩa"),
        (15, "Phúc Quang Quý Tâm Tài Tân Thịnh Toàn Trường Tú Việt"),
        (9, "Bảo An Chiến Chung Công Đông Giang Hà Hậu Hòa Hưng"),
        (9, "Khôi Lộc Lợi Luân Ngọc Nguyên Nhân Nhật Phát Phú Phương"),
        (9, "Phước Quyết Quốc Sang Sáng Thái Thanh Thiện Thuận Tiến Tín Tính Toản Trí Trọng Vinh Vũ Vương Vỹ Ân"),
        (5, "Biên Cảnh Chính Chương Cương Danh Di Doanh Du Dương Đại"),
        (5, "Đăng Điền Định Đoàn Đô Được Gia Hào Hạnh Hân Hiền"),
        (5, "Hiệp Hoan Hồng Huấn Huynh Kha Khải Khang Khiêm Khương Kỳ Lai Lăng Lập Luận Lực Lương Lưu Lý Mẫn Mười"),
        (5, "Nhã Nhựt Ninh Oanh Phụng Quảng Quyền Quỳnh Sĩ Song Sinh"),
        (5, "Tạo Tấn Thạch Thiên Thông Thơ Thụ Thư Thức Tiệp Tôn"),
    ),
    FEMALE: weights(
        (30, "Hương Lan Hoa Linh Anh Hà Trang"),
        (22, "Hằng Hạnh Hiền Huyền Lê Mai Nga Ngọc Nhung Phương Thảo Thu Thủy Yến"),
        (15, "Ánh Bích Châu Chi Dung Duyên Giang Hân Hoài Hồng Huệ Liên Loan Ly My Ngân Nhi Nhàn Oanh Quyên Quỳnh"),
        (15, "Tâm Thanh Thúy Thùy Tuyết Vân Vy Xuân Trâm Trinh Uyên"),
        (9, "An Bình Cúc Cẩm Diễm Diệp Diệu Đào Điệp Hải Hậu Hòa Hợp Huế Khánh Kiều Kim Lài Lệ Lựu Lý Mận Minh Mơ"),
        (9, "Na Nguyên Nguyệt Như Ngà Nụ Phượng Sen Sương Thắm Thêu"),
        (9, "Thi Thoa Thơ Thơm Thư Thương Tiên Trà Trúc Tú Tươi Vi"),
        (5, "Ân Băng Biên Ca Chinh Chúc Chuyên Đan Dịu Dương Đoan"),
        (5, "Đông Gấm Gái Giao Hảo Hiên Hiếu Hường Khuê Kha Lam Lành"),
        (5, "Lĩnh Luyến Lương Mão Mẫn Miên Mùi Mừng Muội Năm Nữ Nương"),
        (5, "Phấn Phi Phúc Quế Quý Sáu Thái Tình Thục Tố Trầm Út"),
    ),
}

STREETS = weights(
    (20, "Trần.Hưng.Đạo Lê.Lợi Nguyễn.Huệ Quang.Trung Hùng.Vương Lý.Thường.Kiệt Nguyễn.Trãi Lê.Duẩn Trần.Phú"),
    (12, "Hai.Bà.Trưng Phan.Bội.Châu Phan.Chu.Trinh Nguyễn.Du Lê.Hồng.Phong Hoàng.Hoa.Thám Ngô.Quyền Bà.Triệu"),
    (12, "Lê.Thánh.Tông Đinh.Tiên.Hoàng Nguyễn.Văn.Cừ Võ.Thị.Sáu Điện.Biên.Phủ Cách.Mạng.Tháng.Tám Lê.Lai"),
    (7, "Tôn.Đức.Thắng Võ.Nguyên.Giáp Phạm.Văn.Đồng Nguyễn.Thị.Minh.Khai Lê.Quý.Đôn Chu.Văn.An Nguyễn.Công.Trứ"),
    (7, "Trường.Chinh Phạm.Ngũ.Lão Yết.Kiêu Nguyễn.Đình.Chiểu"),
    (7, "Lý.Tự.Trọng Kim.Đồng Mai.Hắc.Đế Trần.Quốc.Toản Giải.Phóng"),
    (4, "Nguyễn.Bỉnh.Khiêm Trần.Nhân.Tông Hàm.Nghi Duy.Tân"),
    (4, "Phan.Đình.Phùng Bùi.Thị.Xuân Tô.Hiến.Thành Huỳnh.Thúc.Kháng"),
    (4, "Thống.Nhất Hòa.Bình Độc.Lập Nguyễn.Khuyến Tản.Đà Xuân.Diệu Hàn.Mặc.Tử Tô.Hiệu Đào.Duy.Từ Lương.Thế.Vinh"),
)
HAMLETS = weights(
    (14, "1 2 3 4 5 6 7 8"),
    (6, "9 10 11 12 Đông Đoài Trung Thượng Hạ Nam Bắc"),
    (3, "Tân.Lập Tân.Tiến Hòa.Bình Đồng.Tâm Đoàn.Kết Quyết.Thắng Thống.Nhất Tân.Thành Phú.Mỹ An.Hòa Bình.An"),
    (2, "Phú.Thọ Long.Hòa Vĩnh.Phúc Tiên.Phong Yên.Bình Thanh.Sơn"),
    (2, "Xuân.Sơn Đồng.Tiến Mỹ.Hòa Thuận.An Trung.Thành Tân.An"),
)
