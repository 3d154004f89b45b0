//! Names as they occur: common ones, compound surnames, rare characters, transliterations of any length.

use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;

use super::below;

/// The characters of a list, one by one: millions of names are drawn from them.
type Characters = LazyLock<Vec<char>>;

/// Surnames, the commonest first; of which two names in three take one of the first third.
static SURNAMES: Characters = LazyLock::new(|| {
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜\
    叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武\
    戴莫孔向汤"
    .chars()
    .collect()
});

const COMPOUND_SURNAMES: [&str; 10] =
    ["欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "令狐", "慕容", "夏侯"];

static GIVEN: Characters = LazyLock::new(|| {
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文辉建华国玉春梅红玲海燕志晓峰宇浩梓涵子\
    轩雨欣怡诗琪佳思睿博嘉一诺俊毅成龙家豪天翔永安康宁晨曦雪莲凤琴云鹏飞东升福贵来顺德才清泉松柏青山长河立新改\
    革丹彤月星辰光耀祖荣昌盛"
    .chars()
    .collect()
});

/// Characters that naming laws and keyboards suffer from, all of them in GBK.
static RARE: Characters =
    LazyLock::new(|| "喆堃淼垚骉犇翀赟昇瑄琰珺旻曌龑燚頔劼昉祎翾彧勍甯".chars().collect());

/// Parts of transliterated names.
const SYLLABLES: [&str; 20] = [
    "阿卜杜",
    "买买提",
    "吐尔逊",
    "古丽",
    "艾合",
    "热西提",
    "努尔",
    "依明",
    "巴图",
    "其木格",
    "扎西",
    "次仁",
    "卓玛",
    "多吉",
    "阿依",
    "木呷",
    "日古",
    "乌力",
    "肉孜",
    "达瓦",
];

/// Groups by GB/T 3304 whose members often have transliterated names.
const TRANSLITERATED: [u8; 4] = [2, 4, 5, 7];

/// Bytes that both name records hold together.
const NAME_BYTES_MAX: usize = 50;

/// A name for somebody of this ethnic group, at most 50 bytes of GBK.
pub(super) fn name(rng: &mut ChaCha8Rng, ethnic_group: u8) -> String {
    if TRANSLITERATED.contains(&ethnic_group) && below(rng, 100) < 70 {
        return transliterated(rng);
    }
    let mut name = String::new();
    if below(rng, 250) == 0 {
        name.push_str(pick(rng, &COMPOUND_SURNAMES));
    } else if below(rng, 3) < 2 {
        name.push(pick(rng, &SURNAMES[..SURNAMES.len() / 3]));
    } else {
        name.push(pick(rng, &SURNAMES));
    }
    let given = if below(rng, 100) < 14 { 1 } else { 2 };
    for _ in 0..given {
        let characters = if below(rng, 60) == 0 { &RARE } else { &GIVEN };
        name.push(pick(rng, characters));
    }
    name
}

/// One to four parts of one to four syllables. Cities write the dot between them in two bytes or in one;
/// with one, a long name is cut inside a character where the first record ends.
fn transliterated(rng: &mut ChaCha8Rng) -> String {
    let (dot, dot_bytes) = if below(rng, 3) == 0 { ('.', 1) } else { ('·', 2) };
    let mut name = String::new();
    let mut bytes = 0;
    for part in 0..1 + below(rng, 4) {
        let mut piece = String::new();
        for _ in 0..1 + below(rng, 4) {
            piece.push_str(pick(rng, &SYLLABLES));
        }
        let needed = piece.chars().count() * 2 + if part > 0 { dot_bytes } else { 0 };
        if bytes + needed > NAME_BYTES_MAX {
            break;
        }
        if part > 0 {
            name.push(dot);
        }
        name.push_str(&piece);
        bytes += needed;
    }
    name
}

fn pick<T: Copy>(rng: &mut ChaCha8Rng, from: &[T]) -> T {
    from[below(rng, from.len() as u32) as usize]
}
