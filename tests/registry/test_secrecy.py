"""Which texts say that they are about state secrets, and which only sound like it."""

import pytest

from registry.classifying.secrecy import declared_level, named_level

SECRET = [
    "Danh sách thuộc bí mật nhà nước độ Tối mật",
    "Tuyệt mật",
    "TỐI MẬT",
    "Mật",
    "[Mật] Hồ sơ",
    "Hồ sơ (MẬT)",
    "Độ mật: Mật",
    "Mức độ mật: Mật",
    "Tài liệu MẬT của đơn vị",
    "bi mat nha nuoc",
    "Tài liệu chứa bí mật nhà nước",
    "HỒ SƠ MẬT",
    "DANH SÁCH MẬT",
    "THUỘC LOẠI MẬT",
    "Mức độ: Mật",
    "độ Mật",
    "Văn bản thuộc độ mật",
    "Dấu mật: mật",
    "tài liệu mật",
    "văn bản mật",
    "Thông tin mật",
    "Hồ sơ mật của Bộ",
    "tài liệu thuộc loại mật",
    "TOP SECRET",
    "Contains state secrets",
    "Không được tiết lộ: tài liệu Tối mật",
    "không công bố tài liệu tuyệt mật",
    "Không phải ai cũng được xem tài liệu tối mật",
    "Không phổ biến ra ngoài. Bí mật nhà nước",
    "Chưa giải mật: hồ sơ tối mật",
    "tai lieu tuyet mat, khong pho bien",
]
HARMLESS = [
    "Mật khẩu đăng nhập",
    "Mật độ dân số",
    "MẬT ĐỘ DÂN SỐ",
    "Bảo mật thông tin",
    "Bí mật kinh doanh",
    "Sản lượng mật ong",
    "Không thuộc danh mục bí mật nhà nước",
    "Không chứa bí mật nhà nước",
    "Văn bản quy phạm pháp luật về bảo vệ bí mật nhà nước",
    "Mật mã dân sự",
    "Không chứa bí mật nhà nước độ Tối mật, Mật",
    "Dữ liệu không thuộc phạm vi bí mật nhà nước",
    "Mọi dữ liệu ngoại trừ tài liệu tối mật",
    "khong thuoc danh muc bi mat nha nuoc",
    "Luat bao ve bi mat nha nuoc",
    "Contains no state secrets",
    "Law on protection of state secrets",
    "YÊU CẦU BẢO MẬT",
    "Yêu cầu BẢO MẬT thông tin",
    "BÍ MẬT KINH DOANH",
    "Thông tin mật khẩu",
    "Dữ liệu mật độ giao thông",
    "Loại mật ong",
    "Độ mật của văn bản đến",
    "Mặt hàng",
    "Dữ liệu công khai",
    "",
]


@pytest.mark.parametrize("text", SECRET)
def test_what_says_so_is_a_state_secret(text):
    assert declared_level(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_sounds_like_it_is_none(text):
    assert declared_level(text) == ""


@pytest.mark.parametrize(
    "name",
    [
        "Bí mật nhà nước",
        "HỒ SƠ MẬT",
        "tai_lieu_tuyet_mat",
        "HoSoToiMat",
        "hồ_sơ_mật",
        "TAI_LIEU_TOI_MAT",
        "top-secret",
        "bi_mat_nha_nuoc",
    ],
)
def test_a_name_can_say_so_too(name):
    assert named_level(name)


@pytest.mark.parametrize(
    "name", ["mat_khau", "ho_so_mat", "mat_hang", "MatDoDanSo", "do_mat", "bao_mat", "toMauMat", "", "a_b"]
)
def test_names_that_only_sound_like_it(name):
    assert named_level(name) == ""
