//! The trade between both errors as a drawing (DET curve, both axes logarithmic).

use std::fmt::Write;

use fingerprint::evaluate::Point;

/// Side of the plot, and what stands around it.
const SIDE: f32 = 480.0;
const LEFT: f32 = 70.0;
const TOP: f32 = 30.0;
const BELOW: f32 = 60.0;
/// Decades of the axes: 1e-5 to 1.
const DECADES: u8 = 5;

/// Colours of the curves, in turn.
const COLOURS: [&str; 6] = ["#b3261e", "#1f5fa8", "#2e7d32", "#8a5a00", "#6a3d9a", "#333333"];

/// Draws a curve for each name. Rates below the axes lie on their edge.
pub(super) fn svg(curves: &[(String, Vec<Point>)]) -> String {
    let (width, height) = (LEFT + SIDE + 30.0, TOP + SIDE + BELOW);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for decade in 0..=DECADES {
        let share = f32::from(decade) / f32::from(DECADES);
        let (x, y) = (LEFT + SIDE * share, TOP + SIDE * (1.0 - share));
        let label = match DECADES - decade {
            0 => "1".to_owned(),
            down => format!("1e-{down}"),
        };
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "<path d=\"M{x:.1} {TOP}v{SIDE}M{LEFT} {y:.1}h{SIDE}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
            TOP + SIDE + 18.0,
            LEFT - 8.0,
            y + 4.0,
        );
    }
    let _ = write!(
        out,
        "<path d=\"M{LEFT} {:.1}L{:.1} {TOP}\" stroke=\"#bbb\" stroke-dasharray=\"4 4\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">误识率 · false match rate</text>\n\
         <text transform=\"translate(16 {:.1}) rotate(-90)\" text-anchor=\"middle\">拒识率 · false non-match rate</text>\n",
        TOP + SIDE,
        LEFT + SIDE,
        LEFT + SIDE / 2.0,
        TOP + SIDE + 42.0,
        TOP + SIDE / 2.0,
    );
    for (at, (name, points)) in curves.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let mut path = String::new();
        let mut last = None;
        for point in points {
            let place = (
                format!("{:.1}", LEFT + SIDE * along(point.false_match)),
                format!("{:.1}", TOP + SIDE * (1.0 - along(point.false_non_match))),
            );
            // Thousands of thresholds fall on one pixel.
            if last.as_ref() == Some(&place) {
                continue;
            }
            let _ = write!(path, "{}{} {}", if path.is_empty() { "M" } else { "L" }, place.0, place.1);
            last = Some(place);
        }
        let y = TOP + 18.0 + 18.0 * at as f32;
        let _ = write!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>\n\
             <text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>\n",
            LEFT + SIDE - 8.0,
            escaped(name),
        );
    }
    out.push_str("</svg>\n");
    out
}

/// Where a rate lies on its axis, 0 to 1.
fn along(rate: f32) -> f32 {
    let least = 10.0_f32.powi(-i32::from(DECADES));
    1.0 + rate.clamp(least, 1.0).log10() / f32::from(DECADES)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_lie_where_the_axes_say() {
        assert!((along(1.0) - 1.0).abs() < 1e-6);
        assert!((along(1e-3) - 0.4).abs() < 1e-6);
        assert!(along(0.0).abs() < 1e-6 && along(1e-9).abs() < 1e-6);
    }

    #[test]
    fn a_curve_is_drawn_once_for_each_pixel_and_names_are_escaped() {
        let point = |false_match, false_non_match| Point { false_match, false_non_match };
        let points = vec![point(1.0, 0.0), point(1.0, 0.0), point(0.1, 0.1), point(0.0, 1.0)];
        let drawn = svg(&[("<a&b>".to_owned(), points)]);
        assert!(drawn.contains("M550.0 510.0L454.0 126.0L70.0 30.0"), "{drawn}");
        assert!(drawn.contains("&lt;a&amp;b&gt;") && drawn.ends_with("</svg>\n"));
    }
}
