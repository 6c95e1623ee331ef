"""The rules by which fields are suggested to be personal data: one table, each row with the law that it follows.

Categories follow the Law on Personal Data Protection 91/2025/QH15 and Decree 356/2025/NĐ-CP: Article 3 lists basic data,
Article 4 sensitive data. A phrase weighs as much as it points to a person when it stands alone in the name of a column.
"""

from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.choices import FieldKind, Masking, PersonalData

VERSION = "2026-1"  # another one lets refused suggestions come back: change it with every change of this table

BASIC, SENSITIVE, NONE = PersonalData.BASIC, PersonalData.SENSITIVE, PersonalData.NONE
TEXT, INTEGER, NUMBER, BOOLEAN = FieldKind.TEXT, FieldKind.INTEGER, FieldKind.NUMBER, FieldKind.BOOLEAN
DATES = frozenset({FieldKind.DATE, FieldKind.DATETIME, TEXT})
WORDS = frozenset({TEXT, FieldKind.OTHER})
CODES = frozenset({TEXT, INTEGER, FieldKind.OTHER})
AMOUNTS = frozenset({INTEGER, NUMBER, TEXT})
ANY = frozenset(FieldKind)
LAW, DECREE = "91/2025/QH15", "356/2025/NĐ-CP"
STRONG, FAIR, WEAK = 80, 55, 30

# Whose name, address or number it is when it is no person's.
ORGANISATIONS = (
    "co quan", "don vi", "to chuc", "doanh nghiep", "cong ty", "tru so", "phong ban", "truong", "benh vien", "co so",
    "chi nhanh", "ngan hang", "toa an", "tram", "kho", "nha may", "org", "organization", "company", "agency", "dn",
    "hop tac xa", "hiep hoi", "cskcb", "van phong",
)  # fmt: skip
THINGS = (
    "tinh", "xa", "huyen", "phuong", "duong", "pho", "thon", "tinh thanh", "quan", "dvhc", "dia phuong", "vung", "nuoc",
    "thua", "tai san", "san pham", "hang", "du an", "thu tuc", "loai", "nhom", "danh muc", "file", "tep", "bang", "cot",
    "mien", "server", "may", "thiet bi", "thuoc", "vat tu", "mon", "nganh", "linh vuc", "cong trinh", "van ban", "goi",
)  # fmt: skip
# How many there are is nobody's own.
COUNTS = (
    "so luong",
    "tong so",
    "ty le",
    "so vu",
    "so luot",
    "binh quan",
    "trung binh",
    "so truong hop",
    "so cong dan",
    "so nguoi",
    "so ho dan",
)


@dataclass(frozen=True)
class Source:
    """Where the law says so."""

    law: str
    article: int
    point: str = ""

    def __str__(self) -> str:
        told = {"law": self.law, "article": self.article, "point": self.point}
        words = (
            gettext("point %(point)s of Article %(article)d, %(law)s")
            if self.point
            else gettext("Article %(article)d, %(law)s")
        )
        return words % told


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What one kind of data is called, what its values look like, and how the law counts it."""

    code: str
    label: str | Promise
    category: PersonalData
    masking: Masking
    source: Source
    names: dict[str, int]
    unless: tuple[str, ...] = ()
    values: dict[str, int] = field(default_factory=dict)  # pattern -> weight where every value shows it
    kinds: frozenset[FieldKind] = ANY


def _article(number: int, letter: str = "") -> Source:
    return Source(DECREE, number, letter)


RULES = (
    Rule(
        code="personal-number", label=_("personal number or identity document"), category=BASIC,
        masking=Masking.PSEUDONYM, source=_article(3), kinds=CODES,
        names={"so dinh danh": STRONG, "dinh danh ca nhan": STRONG, "cccd": STRONG, "cmnd": STRONG, "cmt": FAIR,
               "can cuoc": STRONG, "chung minh nhan dan": STRONG, "ma dinh danh": FAIR, "ddcn": STRONG, "so ddcn": STRONG,
               "ho chieu": STRONG, "passport": STRONG, "so gplx": STRONG, "giay phep lai xe": STRONG, "cmnd cccd": STRONG,
               "national id": STRONG, "citizen id": STRONG, "personal id": FAIR, "giay to tuy than": FAIR, "so giay to": WEAK,
               "ssn": STRONG},
        unless=("ngay cap", "noi cap", "dinh danh van ban", "dinh danh dien tu cua to chuc", *ORGANISATIONS),
        values={"personal-number": 90, "passport": 45},
    ),
    Rule(
        code="full-name", label=_("name of a person"), category=BASIC, masking=Masking.NULL, source=_article(3),
        kinds=WORDS,
        names={"ho ten": STRONG, "ho va ten": STRONG, "hoten": STRONG, "ho dem": STRONG, "ho chu dem": STRONG,
               "ten dem": STRONG, "ten khai sinh": STRONG, "ten goi khac": FAIR, "bi danh": FAIR, "full name": STRONG,
               "fullname": STRONG, "first name": STRONG, "last name": STRONG, "surname": STRONG, "chu ho": FAIR,
               "nguoi nop": FAIR, "nguoi ky": FAIR, "nguoi dai dien": FAIR, "nguoi dung dau": FAIR, "ten nguoi": STRONG,
               "chu su dung": FAIR, "nguoi lien he": FAIR, "ten chu": FAIR, "ten cha": STRONG, "ten me": STRONG,
               "ten vo": STRONG, "ten chong": STRONG, "ten benh nhan": STRONG, "ten hoc sinh": STRONG, "chu so huu": FAIR,
               "nguoi thu huong": FAIR, "nguoi lap": WEAK, "can bo": WEAK},
        unless=("chuc vu", "so luong", *ORGANISATIONS), values={"person-name": 80},
    ),
    Rule(
        code="birth", label=_("date or place of birth, death"), category=BASIC, masking=Masking.YEAR,
        source=_article(3), kinds=DATES | {INTEGER},
        names={"ngay sinh": STRONG, "ngaysinh": STRONG, "nam sinh": STRONG, "ngay thang nam sinh": STRONG, "dob": STRONG,
               "date of birth": STRONG, "birth date": STRONG, "birthdate": STRONG, "birthday": STRONG, "ngay chet": STRONG,
               "ngay mat": FAIR, "noi sinh": STRONG, "noi khai sinh": STRONG, "dang ky khai sinh": STRONG, "que quan": STRONG,
               "nguyen quan": STRONG, "nsinh": FAIR, "tuoi": FAIR, "thang sinh": FAIR},
        unless=("so tre", "ty le", "so luong", "nhom tuoi", "tuoi tho", "do tuoi lao dong"),
        values={"birth-dates": 45},
    ),
    Rule(
        code="sex", label=_("sex"), category=BASIC, masking=Masking.KEEP, source=_article(3),
        names={"gioi tinh": STRONG, "gioitinh": STRONG, "gender": STRONG, "sex": STRONG, "gtinh": FAIR, "phai": WEAK},
        values={"sex": 55},
    ),
    Rule(
        code="address", label=_("place of residence or address"), category=BASIC, masking=Masking.NULL,
        source=_article(3), kinds=WORDS,
        names={"dia chi": FAIR, "diachi": FAIR, "thuong tru": STRONG, "tam tru": STRONG, "noi o": STRONG, "cho o": STRONG,
               "noi cu tru": STRONG, "ho khau": STRONG, "so nha": STRONG, "address": FAIR, "noi ohien tai": STRONG,
               "dia chi lien he": STRONG, "hktt": STRONG, "dctt": FAIR, "tam vang": FAIR, "luu tru tai": FAIR},
        unless=("dia chi ip", "ip address", "mac address", "dia chi mac", "url", "so luong", "tong so", *ORGANISATIONS),
    ),
    Rule(
        code="contact", label=_("telephone or e-mail"), category=BASIC, masking=Masking.PARTIAL, source=_article(3),
        kinds=CODES,
        names={"dien thoai": STRONG, "dienthoai": STRONG, "sdt": STRONG, "so dt": STRONG, "di dong": FAIR, "mobile": FAIR,
               "phone": STRONG, "tel": FAIR, "email": STRONG, "e mail": STRONG, "mail": FAIR, "thu dien tu": STRONG,
               "zalo": STRONG, "facebook": STRONG, "fax": WEAK, "hop thu": FAIR, "dtdd": STRONG},
        unless=("noi dung", "tieu de", "mau", "loai", "duong day nong", "hotline", "tong dai", *ORGANISATIONS),
        values={"phone": 85, "email": 90},
    ),
    Rule(
        code="family", label=_("family and marital status"), category=BASIC, masking=Masking.NULL, source=_article(3),
        names={"hon nhan": STRONG, "ket hon": FAIR, "ly hon": FAIR, "cha id": STRONG, "me id": STRONG, "ho ten cha": STRONG,
               "ho ten me": STRONG, "vo chong": STRONG, "quan he chu ho": STRONG, "quan he voi chu ho": STRONG,
               "nguoi giam ho": STRONG, "marital": STRONG, "so con": FAIR, "quan he gia dinh": STRONG, "than nhan": FAIR,
               "nguoi phu thuoc": FAIR, "spouse": STRONG, "father": FAIR, "mother": FAIR},
        unless=("so vu", "so luong", "so cap", "ty le"),
    ),
    Rule(
        code="nationality", label=_("nationality"), category=BASIC, masking=Masking.KEEP, source=_article(3),
        names={"quoc tich": STRONG, "nationality": STRONG, "citizenship": FAIR}, unless=("von", "tau", "so luong"),
    ),
    Rule(
        code="plate", label=_("licence plate or driving licence"), category=BASIC, masking=Masking.PARTIAL,
        source=_article(3), kinds=CODES,
        names={"bien so": STRONG, "bien kiem soat": STRONG, "so khung": FAIR, "so may": WEAK, "plate": FAIR, "bks": FAIR},
        unless=("may tinh", "may chu", "may moc"), values={"plate": 75},
    ),
    Rule(
        code="person-code", label=_("number by which an authority knows a person"), category=BASIC,
        masking=Masking.PSEUDONYM, source=Source(LAW, 2), kinds=CODES,
        names={"so bhxh": STRONG, "ma so bhxh": STRONG, "bhxh": FAIR, "so bao hiem": STRONG, "ma so thue": FAIR, "mst": FAIR,
               "mst ca nhan": STRONG, "ma cbccvc": STRONG, "ma can bo": STRONG, "ma nhan vien": FAIR, "ma hoc sinh": STRONG,
               "ma sinh vien": STRONG, "mssv": STRONG, "so bao danh": STRONG, "ma cong dan": STRONG, "ma khach hang": FAIR,
               "chu su dung id": FAIR, "nguoi dai dien id": FAIR, "user id": WEAK, "tax code": FAIR, "ma ho": WEAK,
               "ma nguoi": FAIR, "nguoi id": FAIR, "so ho so": WEAK, "so the": FAIR, "so dang ky khai sinh": FAIR, "the bhyt": STRONG, "so bhyt": STRONG,
               "kcb ban dau": FAIR},
        unless=("muc dong", "loai", "so nguoi", "thu bhxh", "ty le", "ngay", "han", "thang", *ORGANISATIONS),
        values={"tax-code": 45, "health-card": 85},
    ),
    Rule(
        code="employment", label=_("rank, education or work of a person"), category=BASIC, masking=Masking.KEEP,
        source=_article(3),
        names={"chuc vu": FAIR, "chuc danh": FAIR, "ngach": FAIR, "trinh do": FAIR, "hoc van": FAIR, "nghe nghiep": FAIR,
               "bac luong": FAIR, "he so luong": FAIR, "ngay tuyen dung": FAIR, "hoc ham": FAIR, "hoc vi": FAIR,
               "chuyen mon": WEAK, "noi cong tac": FAIR, "noi lam viec": FAIR, "qua trinh cong tac": FAIR, "diem thi": FAIR,
               "xep loai hoc luc": FAIR, "hanh kiem": FAIR},
        unless=("so luong", "danh muc", "chuc danh nghe"),
    ),
    Rule(
        code="money", label=_("pay, contributions or assets of a person"), category=BASIC, masking=Masking.NULL,
        source=_article(3), kinds=AMOUNTS,
        names={"luong": FAIR, "tien luong": STRONG, "thu nhap": FAIR, "muc dong": FAIR, "luong huu": STRONG, "salary": STRONG,
               "income": FAIR, "phu cap": FAIR, "tro cap": FAIR, "muc huong": STRONG, "so tien huong": STRONG, "no thue": WEAK,
               "muc luong": STRONG, "luong co so": WEAK, "tien cong": FAIR},
        unless=("so luong", "san luong", "khoi luong", "chat luong", "luu luong", "trong luong", "dung luong", "nang luong",
                "thoi luong", "ham luong", "doanh nghiep", "binh quan", "tong", "luong mua", "dinh luong", "luc luong",
                "quan luong", "bac luong", "luong thuc", "sluong", "don vi", "tang luong"),
    ),
    Rule(
        code="photo", label=_("picture of a person"), category=BASIC, masking=Masking.NULL, source=_article(3),
        names={"anh the": STRONG, "anh chan dung": STRONG, "hinh anh ca nhan": STRONG, "photo": FAIR, "avatar": FAIR,
               "anh dai dien": FAIR, "chan dung": FAIR, "chu ky": FAIR, "signature": WEAK},
        unless=("chu ky so lieu", "chu ky bao cao", "chu ky thanh toan", "chu ky cap nhat", "anh ve tinh", "hinh anh cong trinh",
                "chu ky kiem dinh"),
    ),
    Rule(
        code="ethnic-group", label=_("ethnic group or race"), category=SENSITIVE, masking=Masking.NULL,
        source=_article(4, "a"),
        names={"dan toc": STRONG, "dantoc": STRONG, "ethnic": STRONG, "ethnicity": STRONG, "chung toc": STRONG, "race": FAIR},
        unless=("truong dan toc", "noi tru", "uy ban dan toc", "chinh sach dan toc", "ban dan toc", "chuong trinh"),
        values={"ethnic-group": 80},
    ),
    Rule(
        code="belief", label=_("religion or political opinion"), category=SENSITIVE, masking=Masking.NULL,
        source=_article(4, "b"),
        names={"ton giao": STRONG, "tongiao": STRONG, "religion": STRONG, "tin nguong": FAIR, "dang vien": STRONG,
               "chinh kien": STRONG, "ngay vao dang": STRONG, "doan vien": FAIR, "quan diem chinh tri": STRONG},
        unless=("co so ton giao", "to chuc ton giao", "ban ton giao", "dat ton giao"), values={"religion": 75},
    ),
    Rule(
        code="health", label=_("health"), category=SENSITIVE, masking=Masking.NULL, source=_article(4, "d"),
        names={"benh": FAIR, "ma benh": STRONG, "ten benh": STRONG, "chan doan": STRONG, "chandoan": STRONG, "icd": STRONG,
               "icd10": STRONG, "suc khoe": STRONG, "tien su benh": STRONG, "benh an": STRONG, "tien su": FAIR, "di ung": FAIR,
               "nhom mau": FAIR, "khuyet tat": STRONG, "hiv": STRONG, "xet nghiem": FAIR, "don thuoc": FAIR, "dieu tri": FAIR,
               "trieu chung": STRONG, "diagnosis": STRONG, "disease": FAIR, "disability": STRONG, "blood type": FAIR,
               "thuong tat": STRONG, "mang thai": STRONG, "can nang": FAIR, "chieu cao": WEAK, "tiem chung": FAIR,
               "ly do vao vien": STRONG, "phau thuat": FAIR},
        unless=("benh vien", "so giuong benh", "so luot", "so ca", "tram y te", "so luong", "so benh nhan", "chi phi dieu tri binh quan",
                "cay trong", "dich benh cay", "chieu cao cong trinh", "chieu cao tang", "ty le"),
        values={"disease-code": 55},
    ),
    Rule(
        code="biometrics", label=_("biometric or genetic data"), category=SENSITIVE, masking=Masking.NULL,
        source=_article(4, "đ"),
        names={"van tay": STRONG, "vantay": STRONG, "mong mat": STRONG, "khuon mat": STRONG, "sinh trac": STRONG,
               "giong noi": FAIR, "adn": STRONG, "dna": STRONG, "gen": WEAK, "di truyen": FAIR, "fingerprint": STRONG,
               "iris": FAIR, "face id": STRONG, "biometric": STRONG, "nhan dang": FAIR, "dac diem nhan dang": STRONG},
        unless=("nhan dang van ban", "ma nhan dang", "so nhan dang", "gen code", "nhan dang tau"),
    ),
    Rule(
        code="private-life", label=_("private or sexual life"), category=SENSITIVE, masking=Masking.NULL,
        source=_article(4, "c"),
        names={"xu huong tinh duc": STRONG, "doi tu": STRONG, "tinh duc": STRONG, "bi mat gia dinh": STRONG,
               "bao luc gia dinh": FAIR, "con nuoi": FAIR},
    ),
    Rule(
        code="crime", label=_("offences and crime"), category=SENSITIVE, masking=Masking.NULL, source=_article(4, "g"),
        names={"tien an": STRONG, "tien su": WEAK, "an tich": STRONG, "toi danh": STRONG, "hanh vi vi pham": FAIR,
               "ban an": FAIR, "bi can": STRONG, "bi cao": STRONG, "pham toi": STRONG, "criminal": STRONG, "ly lich tu phap": STRONG,
               "xu phat": WEAK, "tam giam": STRONG, "pham nhan": STRONG},
        unless=("so vu", "danh muc", "tien an toan", "so luong"),
    ),
    Rule(
        code="location", label=_("whereabouts of a person"), category=SENSITIVE, masking=Masking.NULL,
        source=_article(4, "h"),
        names={"vi do": WEAK, "kinh do": WEAK, "toa do": WEAK, "vi tri": WEAK, "latitude": WEAK, "longitude": WEAK,
               "gps": FAIR, "vi tri hien tai": STRONG, "hanh trinh": FAIR, "dinh vi": FAIR, "toa do nha": STRONG,
               "lat": WEAK, "lng": WEAK, "lon": WEAK},
        unless=("vi tri cong tac", "vi tri viec lam", "dinh vi cong trinh", "vi tri tuyen dung", *ORGANISATIONS, "thua", "cong trinh",
                "du an", "su co", "quan trac"),
        values={"latitude": 35, "longitude": 35},
    ),
    Rule(
        code="login", label=_("log-in or image of an identity document"), category=SENSITIVE, masking=Masking.NULL,
        source=_article(4, "i"),
        names={"mat khau": STRONG, "password": STRONG, "ten dang nhap": FAIR, "username": FAIR, "otp": STRONG, "ma pin": STRONG,
               "anh cccd": STRONG, "anh cmnd": STRONG, "anh giay to": STRONG, "passwd": STRONG, "token": FAIR, "vneid": FAIR},
        unless=("so token", "muc vneid"),
    ),
    Rule(
        code="finance", label=_("bank account, card or credit"), category=SENSITIVE, masking=Masking.NULL,
        source=_article(4, "k"),
        names={"stk": STRONG, "so tai khoan": STRONG, "sotaikhoan": STRONG, "tai khoan ngan hang": STRONG, "bank account": STRONG,
               "so the ngan hang": STRONG, "card number": STRONG, "du no": FAIR, "tin dung": FAIR, "so du": FAIR, "iban": STRONG,
               "no xau": STRONG, "lich su giao dich": STRONG, "giao dich": WEAK, "account number": STRONG, "tknh": STRONG},
        unless=("tai khoan ke toan", "ma tai khoan ke toan", "to chuc tin dung", "du no cong", "tai khoan kho bac", "don vi", "ngan sach",
                "so du dau ky", "so du cuoi ky", "so du an", "giao dich dien tu", "he thong tai khoan"),
        values={"card-number": 85},
    ),
    Rule(
        code="tracking", label=_("what a person does in networks"), category=SENSITIVE, masking=Masking.NULL,
        source=_article(4, "l"),
        names={"dia chi ip": FAIR, "ip address": FAIR, "ip": FAIR, "dia chi mac": FAIR, "user agent": FAIR, "device id": FAIR,
               "imei": STRONG, "lich su truy cap": STRONG, "cookie": FAIR, "nhat ky truy cap": FAIR},
        unless=("may chu", "server"), values={"network-address": 60},
    ),
)  # fmt: skip

# Names that say what else it is: of an office, a thing, an amount, a day of office work.
NEUTRAL = {
    "ten co quan": 85, "co quan": 70, "don vi": 60, "to chuc": 60, "ma don vi": 85, "ten don vi": 85, "ma dvhc": 85, "dvhc": 80,
    "ma tinh": 75, "ma xa": 75, "ma huyen": 75, "ten tinh": 85, "ten xa": 85, "tinh": 55, "xa": 55, "ngay ban hanh": 85,
    "ngay hieu luc": 85, "ngay dang ky": 55, "ngay cap": 50, "ngay tao": 75, "ngay cap nhat": 80, "cap nhat luc": 80,
    "thoi gian": 55, "created at": 80, "updated at": 80, "modified": 75, "created": 70, "updated": 70, "dien tich": 85,
    "so luong": 80, "tong so": 80, "ty le": 80, "trang thai": 70, "tinh trang": 50, "loai": 65, "loai hinh": 75, "nhom": 60,
    "ma so dn": 75, "ten dn": 80, "doanh nghiep": 65, "nam": 60, "thang": 55, "quy": 60, "ky": 60, "ky bao cao": 80, "von": 70,
    "ngan sach": 85, "so to": 70, "so thua": 75, "muc dich": 70, "phi": 60, "le phi": 80, "thoi han": 70, "cap": 50, "ma": 45,
    "ten": 35, "stt": 80, "thu tu": 80, "version": 80, "phien ban": 80, "linh vuc": 80, "nganh": 75, "so luot": 80, "so hoc sinh": 75,
    "co so": 65, "so giay phep": 60, "giai doan": 75, "dia diem": 55, "du an": 75, "tai san": 65, "don gia": 80, "gia": 60,
    "thanh tien": 75, "san luong": 85, "khoi luong": 85, "chat luong": 85, "luu luong": 85, "trong luong": 85, "dung luong": 85,
    "nhiet do": 85, "do am": 85, "so hieu": 60, "so van ban": 75, "trich yeu": 70, "so ky hieu": 75, "phong ban": 75, "benh vien": 70,
    "truong": 50, "mat do": 80, "dan so": 80, "so dan": 80, "so ho": 75, "so nguoi": 80, "id": 40, "uuid": 40, "url": 70,
    "quantity": 85, "price": 80, "amount": 60, "count": 75, "total": 75, "status": 70, "type": 65, "category": 75, "year": 65,
    "month": 60, "area": 75, "province": 70, "code": 50, "so vu": 80, "chu ky": 50, "hieu luc": 75, "cong suat": 85, "han the": 45,
    "tu thang": 60, "den thang": 60, "tu ngay": 60, "den ngay": 60, "thanh phan ho so": 75, "chieu dai": 85, "do cao": 80,
    "may chu": 65, "so cong dan": 75, "title": 60, "description": 45, "active": 65, "last update": 80, "rate": 70, "length": 70,
    "so du an": 80, "mat do dan so": 85, "toa do": 45, "so giuong": 85, "dat ton giao": 80, "uy ban": 75, "so tre": 80, "luong mua": 85,
}  # fmt: skip
# A table of such a name lists what there is, not people.
CODE_LISTS = ("dm", "danh muc", "dmuc", "catalog", "lookup", "ref", "tu dien")
