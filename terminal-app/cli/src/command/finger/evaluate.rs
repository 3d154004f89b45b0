//! `jinbao finger evaluate`: how well the engine tells fingers apart, on folders of images with known fingers.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;
use edge::data_dir;
use fingerprint::{
    evaluate::{Comparisons, Impression},
    extract::{Grey, extract},
    matcher::ENGINE,
    template::{Reading, compact, record::Record},
};
use serde::Serialize;

use super::curve;
use crate::{
    command::Context,
    console::{Page, Progress, Show},
    exit::Exit,
    failure::{EdgeError, Failure, file_error},
};

/// False match rates that are reported, and those of the levels in use.
const RATES: [f64; 3] = [1e-2, 1e-3, 1e-4];

/// Minutiae of a template on a card.
const CARD_MINUTIAE_MAX: usize = card_spec::fingerprint::MINUTIAE_MAX;

/// Most impressions of one folder: the comparisons grow with their square.
const IMPRESSIONS_MAX: usize = 20_000;

/// Most pixels of an image, as of a sensor.
const IMAGE_PIXELS_MAX: usize = hal::fingerprint::IMAGE_PIXELS_MAX;

/// What `finger evaluate` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao finger evaluate DB1_B DB2_B                  每个目录一组 · each folder is one set
  jinbao finger evaluate --compact --svg det.svg DB1_B
                                                      按卡内格式存储，并画曲线 · stored as on a card; draw the curve
  jinbao finger evaluate --templates ISO_DIR --json   比对 ISO 模板 · compare ISO 19794-2 records

文件名为 手指_次数.png（如 101_3.png，灰度，500 dpi）；--templates 时为 .iso。
方法同 FVC：同指两两为真，异指两两为假，每对只比一次。
Files are named FINGER_IMPRESSION.png (101_3.png, grey, 500 dpi), or .iso with --templates. By the protocol of
the Fingerprint Verification Competition: all pairs of one finger are genuine, all others impostors, each once.

EER      两种错误相等处 · where both errors are equal
FNMR     误识率为 1e-2、1e-3、1e-4 时的拒识率 · right fingers refused at that rate of false matches
业务用 1e-3（就诊）和 1e-4（养老金）两级 · business asks for 1e-3 (visits) or 1e-4 (pensions)")]
pub(crate) struct Arguments {
    /// 图库目录 · folders of images
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// 读 ISO 19794-2 模板，不读图像 · read ISO 19794-2 records instead of images
    #[arg(long)]
    templates: bool,
    /// 按 4 位灰度，如串口模块传来的 · cut to 16 grey levels, as serial modules send them
    #[arg(long, conflicts_with = "templates")]
    four_bit: bool,
    /// 存储的一方按卡内紧凑格式 · the stored side in the compact format of a card
    #[arg(long)]
    compact: bool,
    /// 把曲线写成 SVG · write the curve as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Serialize)]
struct Evaluated {
    engine: &'static str,
    stored: &'static str,
    sets: Vec<Set>,
    all: Set,
    levels: Vec<Level>,
    svg: Option<PathBuf>,
}

/// One folder, or all of them.
#[derive(Serialize)]
struct Set {
    name: String,
    impressions: usize,
    genuine: usize,
    impostor: usize,
    eer: f32,
    fnmr_at_1e_2: f32,
    fnmr_at_1e_3: f32,
    fnmr_at_1e_4: f32,
    minutiae: f32,
    extract_ms: Option<f32>,
    compare_us: f32,
}

/// What a level means for a person who may try again.
#[derive(Serialize)]
struct Level {
    false_match: f64,
    score: f32,
    refused_one_try: f32,
    refused_three_tries: f32,
    refused_two_fingers: f32,
}

/// What a folder took.
#[derive(Default)]
struct Spent {
    impressions: usize,
    minutiae: usize,
    extracting: Duration,
    comparing: Duration,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut all = Comparisons::default();
    let mut total = Spent::default();
    let (mut sets, mut curves) = (Vec::new(), Vec::new());
    for folder in &arguments.folders {
        let bar = context.console.progress("评测", "evaluating");
        let (comparisons, spent) = measure(folder, arguments, bar)?;
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
        curves.push((name.clone(), comparisons.curve()));
        sets.push(Set::of(name, &comparisons, &spent, arguments));
        all.add(&comparisons);
        total.add(&spent);
    }
    if sets.len() > 1 {
        curves.push((context.console.language().pick("合计", "all").to_owned(), all.curve()));
    }
    if let Some(path) = &arguments.svg {
        fs::write(path, curve::svg(&curves)).map_err(file_error(path))?;
    }
    let levels = RATES.map(|false_match| {
        let decision = all.decision(false_match);
        Level {
            false_match,
            score: all.threshold(false_match),
            refused_one_try: decision.one_try,
            refused_three_tries: decision.three_tries,
            refused_two_fingers: decision.two_fingers,
        }
    });
    context.console.answer(&Evaluated {
        engine: ENGINE,
        stored: if arguments.compact { "compact" } else { "whole" },
        sets,
        all: Set::of("all".to_owned(), &all, &total, arguments),
        levels: levels.into(),
        svg: arguments.svg.clone(),
    });
    Ok(Exit::Done)
}

/// Reads a folder and makes all its comparisons.
fn measure(
    folder: &Path,
    arguments: &Arguments,
    mut bar: Progress,
) -> Result<(Comparisons, Spent), EdgeError> {
    let content = |problem: &str| EdgeError::Content { path: folder.to_owned(), problem: problem.to_owned() };
    let ending = if arguments.templates { "iso" } else { "png" };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(file_error(folder))? {
        let path = entry.map_err(file_error(folder))?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            files.push(path);
        }
    }
    files.sort();
    match files.len() {
        0 | 1 => return Err(content("at least two files FINGER_IMPRESSION.png (or .iso) are expected")),
        count if count > IMPRESSIONS_MAX => return Err(content("too many impressions for one set")),
        _ => {}
    }
    let pairs = files.len() * (files.len() - 1) / 2;
    // An image takes about as long as some hundred comparisons.
    let (weight, work) = (if arguments.templates { 1 } else { 100 }, |steps: usize| steps as u64);
    let end = work(files.len() * weight + pairs);
    let mut spent = Spent { impressions: files.len(), ..Spent::default() };
    let mut set = Vec::with_capacity(files.len());
    let start = Instant::now();
    for (at, path) in files.iter().enumerate() {
        bar.at(work(at * weight), end);
        let impression = impression(path, arguments)?;
        spent.minutiae += impression.probe.len();
        set.push(impression);
    }
    spent.extracting = start.elapsed();
    let start = Instant::now();
    let comparisons = Comparisons::of(&set, &mut |done| bar.at(work(files.len() * weight + done), end));
    spent.comparing = start.elapsed();
    if comparisons.counts().0 == 0 || comparisons.counts().1 == 0 {
        return Err(content("two fingers are expected, and two impressions of one"));
    }
    Ok((comparisons, spent))
}

fn impression(path: &Path, arguments: &Arguments) -> Result<Impression, EdgeError> {
    let content = |problem: String| EdgeError::Content { path: path.to_owned(), problem };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let labels = name.split_once('_').and_then(|(finger, impression)| {
        Some((finger.parse::<u32>().ok()?, impression.parse::<u32>().ok()?))
    });
    let (finger, impression) = labels.ok_or_else(|| content("not named FINGER_IMPRESSION".to_owned()))?;
    let probe = if arguments.templates {
        let record = Record::read(&data_dir::read(path)?, Reading::Lenient)
            .map_err(|error| content(format!("{error:?}")))?;
        let view = record.views.first().ok_or_else(|| content("a record without a view".to_owned()))?;
        view.minutiae.clone()
    } else {
        let (width, height, pixels) = grey(&data_dir::read(path)?, arguments.four_bit).map_err(&content)?;
        // An image without a finger has no minutiae, and counts as refused.
        extract(&Grey { width, height, dpi: 500, pixels: &pixels }).unwrap_or_default()
    };
    let gallery = if arguments.compact {
        compact::read(&compact::write(&probe, CARD_MINUTIAE_MAX), Reading::Strict)
            .map_err(|error| content(format!("{error:?}")))?
    } else {
        probe.clone()
    };
    Ok(Impression { finger, impression, probe, gallery })
}

/// A grey image of eight bits.
fn grey(bytes: &[u8], four_bit: bool) -> Result<(usize, usize, Vec<u8>), String> {
    let said = |error: png::DecodingError| error.to_string();
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().map_err(said)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    if (info.color_type, info.bit_depth) != (png::ColorType::Grayscale, png::BitDepth::Eight) {
        return Err("not a grey image of eight bits".to_owned());
    }
    if width.saturating_mul(height) > IMAGE_PIXELS_MAX {
        return Err(format!("{width} × {height} is larger than any sensor's image"));
    }
    let mut pixels = vec![0; width * height];
    reader.next_frame(&mut pixels).map_err(said)?;
    if four_bit {
        pixels.iter_mut().for_each(|pixel| *pixel = (*pixel >> 4) * 17);
    }
    Ok((width, height, pixels))
}

impl Spent {
    fn add(&mut self, other: &Spent) {
        self.impressions += other.impressions;
        self.minutiae += other.minutiae;
        self.extracting += other.extracting;
        self.comparing += other.comparing;
    }
}

impl Set {
    fn of(name: String, comparisons: &Comparisons, spent: &Spent, arguments: &Arguments) -> Self {
        let (genuine, impostor) = comparisons.counts();
        let each = |time: Duration, count: usize| time.as_secs_f32() / count.max(1) as f32;
        Set {
            name,
            impressions: spent.impressions,
            genuine,
            impostor,
            eer: comparisons.equal_error(),
            fnmr_at_1e_2: comparisons.false_non_match(RATES[0]),
            fnmr_at_1e_3: comparisons.false_non_match(RATES[1]),
            fnmr_at_1e_4: comparisons.false_non_match(RATES[2]),
            minutiae: spent.minutiae as f32 / spent.impressions.max(1) as f32,
            extract_ms: (!arguments.templates).then(|| each(spent.extracting, spent.impressions) * 1e3),
            compare_us: each(spent.comparing, genuine + impostor) * 1e6,
        }
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            percent(self.eer),
            percent(self.fnmr_at_1e_2),
            percent(self.fnmr_at_1e_3),
            percent(self.fnmr_at_1e_4),
            format!("{} / {}", self.genuine, self.impostor),
            format!("{:.0}", self.minutiae),
            self.extract_ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1}")),
            format!("{:.0}", self.compare_us),
        ]
    }
}

fn percent(share: f32) -> String {
    format!("{:.2}", share * 100.0)
}

impl Show for Evaluated {
    fn show(&self, page: &mut Page) {
        let head = [
            page.pick("图库", "set").to_owned(),
            "EER %".to_owned(),
            "FNMR 1e-2".to_owned(),
            "1e-3".to_owned(),
            "1e-4".to_owned(),
            page.pick("真 / 假", "genuine / impostor").to_owned(),
            page.pick("细节点", "minutiae").to_owned(),
            page.pick("提取 ms", "extract ms").to_owned(),
            page.pick("比对 µs", "compare µs").to_owned(),
        ];
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let all = (self.sets.len() > 1).then_some(&self.all);
        page.table(&head, &[1, 2, 3, 4, 5, 6, 7, 8], self.sets.iter().chain(all).map(Set::row));
        page.gap();
        let head = [
            page.pick("误识率", "false matches").to_owned(),
            page.pick("分数线", "score above").to_owned(),
            page.pick("按一次被拒 %", "refused, one try %").to_owned(),
            page.pick("同指三次 %", "three tries %").to_owned(),
            page.pick("两指各三次 %", "two fingers %").to_owned(),
        ];
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let rows = self.levels.iter().map(|level| {
            vec![
                format!("{:e}", level.false_match),
                format!("{:.1}", level.score),
                percent(level.refused_one_try),
                percent(level.refused_three_tries),
                percent(level.refused_two_fingers),
            ]
        });
        page.table(&head, &[1, 2, 3, 4], rows);
        if let Some(path) = &self.svg {
            let path = path.display();
            page.say(format!("曲线已写入 {path}"), format!("curve written to {path}"));
        }
    }
}
