"""Which texts say that they are about state secrets, and which only sound like it."""

import pytest

from registry.classifying.secrecy import declared_level

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
    "Dữ liệu công khai",
    "",
]


@pytest.mark.parametrize("text", SECRET)
def test_what_says_so_is_a_state_secret(text):
    assert declared_level(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_sounds_like_it_is_none(text):
    assert declared_level(text) == ""
