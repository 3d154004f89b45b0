//! Comparison of two fingers.

use std::f32::consts::PI;

use crate::minutia::{Kind, Minutia};

pub const MINUTIAE_MAX: usize = 128;
const NEIGHBOURS: usize = 10;

#[derive(Clone, Copy)]
struct Neighbour {
    distance: f32,
    /// Direction to the neighbour, from our own direction.
    bearing: f32,
    /// The neighbour's direction, from our own direction.
    turn: f32,
}

pub struct Prepared {
    minutiae: Vec<Minutia>,
    neighbours: Vec<Vec<Neighbour>>,
}

fn wrap(angle: f32) -> f32 {
    let a = angle.rem_euclid(2.0 * PI);
    if a > PI { a - 2.0 * PI } else { a }
}

impl Prepared {
    pub fn new(minutiae: &[Minutia]) -> Self {
        let mut minutiae = minutiae.to_vec();
        minutiae.sort_by(|a, b| b.quality.cmp(&a.quality));
        minutiae.truncate(MINUTIAE_MAX);
        let neighbours = minutiae
            .iter()
            .map(|own| {
                let mut list: Vec<Neighbour> = minutiae
                    .iter()
                    .filter(|other| !std::ptr::eq(*other, own))
                    .map(|other| {
                        let (dx, dy) = (other.x - own.x, own.y - other.y);
                        Neighbour {
                            distance: dx.hypot(dy),
                            bearing: wrap(dy.atan2(dx) - own.angle),
                            turn: wrap(other.angle - own.angle),
                        }
                    })
                    .collect();
                list.sort_by(|a, b| a.distance.total_cmp(&b.distance));
                list.truncate(NEIGHBOURS);
                list
            })
            .collect();
        Self { minutiae, neighbours }
    }
}

fn local(a: &[Neighbour], b: &[Neighbour]) -> f32 {
    let mut used = [false; NEIGHBOURS];
    let mut sum = 0.0;
    for one in a {
        let mut best = 0.0;
        let mut which = 0;
        for (at, two) in b.iter().enumerate() {
            let room = crate::tune(29, 5.0) + crate::tune(30, 0.10) * one.distance;
            let dd = (one.distance - two.distance).abs() / room;
            if dd >= 1.0 || used[at] {
                continue;
            }
            let db = wrap(one.bearing - two.bearing).abs() / (crate::tune(31, 0.25) + crate::tune(32, 4.0) / one.distance.max(8.0));
            let dt = wrap(one.turn - two.turn).abs() / crate::tune(33, 0.5);
            if db >= 1.0 || dt >= 1.0 {
                continue;
            }
            let value = (1.0 - dd * dd) * (1.0 - db * db) * (1.0 - dt * dt);
            if value > best {
                best = value;
                which = at;
            }
        }
        if best > 0.0 {
            used[which] = true;
            sum += best;
        }
    }
    sum
}

/// Features of the best alignment, for tuning.
#[derive(Clone, Copy, Default, Debug)]
pub struct Features {
    pub score: f32,
    pub matched: f32,
    pub overlap: f32,
    pub residual: f32,
    pub local: f32,
}

pub fn compare(a: &Prepared, b: &Prepared) -> Features {
    let (na, nb) = (a.minutiae.len(), b.minutiae.len());
    if na < 3 || nb < 3 {
        return Features::default();
    }
    let mut similarity = vec![0.0_f32; na * nb];
    let mut pairs: Vec<(f32, usize, usize)> = Vec::with_capacity(na * nb);
    for i in 0..na {
        for j in 0..nb {
            let value = local(&a.neighbours[i], &b.neighbours[j]);
            similarity[i * nb + j] = value;
            if value > 0.5 {
                pairs.push((value, i, j));
            }
        }
    }
    pairs.sort_by(|p, q| q.0.total_cmp(&p.0));
    pairs.truncate(crate::tune(27, 28.0) as usize);
    let mut best = Features::default();
    let mut seen: Vec<(f32, f32, f32)> = Vec::new();
    for (_, i, j) in pairs {
        let (p, q) = (&a.minutiae[i], &b.minutiae[j]);
        let turn = wrap(q.angle - p.angle);
        // Image axes: y down; a turn counter-clockwise as seen.
        let (sin, cos) = turn.sin_cos();
        let tx = q.x - (cos * p.x + sin * p.y);
        let ty = q.y - (-sin * p.x + cos * p.y);
        // The middle of the finger tells whether this alignment has been tried.
        let (mx, my) = (cos * 150.0 + sin * 150.0 + tx, -sin * 150.0 + cos * 150.0 + ty);
        if seen.iter().any(|(t, x, y)| wrap(t - turn).abs() < 0.12 && (x - mx).hypot(y - my) < 10.0) {
            continue;
        }
        seen.push((turn, mx, my));
        let features = align(a, b, &similarity, i, j, [cos, sin, tx, ty, turn]);
        if features.score > best.score {
            best = features;
        }
    }
    best
}

#[derive(Clone, Copy)]
struct Pair {
    i: usize,
    j: usize,
    dx: f32,
    dy: f32,
    da: f32,
}

fn align(a: &Prepared, b: &Prepared, similarity: &[f32], seed_i: usize, seed_j: usize, rigid: [f32; 5]) -> Features {
    let (na, nb) = (a.minutiae.len(), b.minutiae.len());
    let [mut cos, mut sin, mut tx, mut ty, mut turn] = rigid;
    let mut pairs: Vec<Pair> = Vec::new();
    let mut moved: Vec<(f32, f32, f32)> = vec![(0.0, 0.0, 0.0); na];
    let _ = (seed_i, seed_j);
    for round in 0..5 {
        for (at, m) in a.minutiae.iter().enumerate() {
            moved[at] = (cos * m.x + sin * m.y + tx, -sin * m.x + cos * m.y + ty, m.angle + turn);
        }
        // From the second round on, what near pairs are off by is taken out: skin is elastic.
        if round >= 2 {
            for at in 0..na {
                let (x, y, _) = moved[at];
                let (mut sx, mut sy, mut sw) = (0.0, 0.0, 0.6);
                for pair in &pairs {
                    if pair.i == at {
                        continue;
                    }
                    let (px, py) = (b.minutiae[pair.j].x, b.minutiae[pair.j].y);
                    let w = (-((px - x).powi(2) + (py - y).powi(2)) / (2.0 * crate::tune(28, 45.0).powi(2))).exp();
                    sx += w * pair.dx;
                    sy += w * pair.dy;
                    sw += w;
                }
                moved[at].0 += sx / sw;
                moved[at].1 += sy / sw;
            }
        }
        let reach = [16.0_f32, 15.0, 13.0, 11.0, 10.0][round] * crate::tune(35, 1.0);
        let mut candidates: Vec<(f32, Pair)> = Vec::new();
        for i in 0..na {
            let (x, y, angle) = moved[i];
            for j in 0..nb {
                let q = &b.minutiae[j];
                let (dx, dy) = (q.x - x, q.y - y);
                if dx.abs() > reach || dy.abs() > reach {
                    continue;
                }
                let d2 = (dx * dx + dy * dy) / (reach * reach);
                if d2 > 1.0 {
                    continue;
                }
                let da = wrap(q.angle - angle);
                if da.abs() > crate::tune(36, 0.45) {
                    continue;
                }
                let cost = d2 + (da / 0.45).powi(2) - crate::tune(34, 0.15) * similarity[i * nb + j].min(4.0);
                candidates.push((cost, Pair { i, j, dx, dy, da }));
            }
        }
        candidates.sort_by(|p, q| p.0.total_cmp(&q.0));
        let (mut used_a, mut used_b) = ([false; MINUTIAE_MAX], [false; MINUTIAE_MAX]);
        pairs.clear();
        for (_, pair) in candidates {
            if !used_a[pair.i] && !used_b[pair.j] {
                used_a[pair.i] = true;
                used_b[pair.j] = true;
                pairs.push(pair);
            }
        }
        if pairs.len() < 2 {
            return Features::default();
        }
        if round < 4 {
            // Least squares of the rigid motion (Umeyama 1991, in the plane).
            let n = pairs.len() as f32;
            let (mut ax, mut ay, mut bx, mut by) = (0.0, 0.0, 0.0, 0.0);
            for pair in &pairs {
                ax += a.minutiae[pair.i].x / n;
                ay += a.minutiae[pair.i].y / n;
                bx += b.minutiae[pair.j].x / n;
                by += b.minutiae[pair.j].y / n;
            }
            let (mut s, mut c) = (0.0, 0.0);
            for pair in &pairs {
                let (p, q) = (&a.minutiae[pair.i], &b.minutiae[pair.j]);
                let (px, py, qx, qy) = (p.x - ax, p.y - ay, q.x - bx, q.y - by);
                c += px * qx + py * qy;
                s += py * qx - px * qy;
                // Directions count as arms of this length.
                c += 900.0 * (q.angle - p.angle).cos();
                s += 900.0 * (q.angle - p.angle).sin();
            }
            turn = s.atan2(c);
            (sin, cos) = turn.sin_cos();
            tx = bx - (cos * ax + sin * ay);
            ty = by - (-sin * ax + cos * ay);
            for pair in &mut pairs {
                let (p, q) = (&a.minutiae[pair.i], &b.minutiae[pair.j]);
                pair.dx = q.x - (cos * p.x + sin * p.y + tx);
                pair.dy = q.y - (-sin * p.x + cos * p.y + ty);
            }
        }
    }
    score(a, b, similarity, &moved, &pairs)
}

fn score(a: &Prepared, b: &Prepared, similarity: &[f32], moved: &[(f32, f32, f32)], pairs: &[Pair]) -> Features {
    let (na, nb) = (a.minutiae.len(), b.minutiae.len());
    let mut in_a = [false; MINUTIAE_MAX];
    let mut in_b = [false; MINUTIAE_MAX];
    let mut gain = 0.0;
    let mut residual = 0.0;
    let mut locals = 0.0;
    for pair in pairs {
        in_a[pair.i] = true;
        in_b[pair.j] = true;
        let d2 = (pair.dx * pair.dx + pair.dy * pair.dy) / 36.0;
        let t2 = (pair.da / 0.2).powi(2);
        let s = similarity[pair.i * nb + pair.j];
        let kind = match (a.minutiae[pair.i].kind, b.minutiae[pair.j].kind) {
            (Kind::Other, _) | (_, Kind::Other) => 0.0,
            (one, two) if one == two => 0.2,
            _ => -0.2,
        };
        gain += crate::tune(20, 1.2) - crate::tune(21, 0.5) * d2.min(3.0) - crate::tune(22, 0.4) * t2.min(3.0) + crate::tune(23, 0.5) * s.min(crate::tune(24, 4.0)) + kind * crate::tune(25, 1.0);
        residual += d2 + t2;
        locals += s;
    }
    // Unmatched minutiae count against it where the other finger has been seen too.
    let covered = |x: f32, y: f32, points: &mut dyn Iterator<Item = (f32, f32)>| {
        let mut quadrants = [false; 4];
        for (px, py) in points {
            let (dx, dy) = (px - x, py - y);
            if dx * dx + dy * dy < 70.0 * 70.0 {
                quadrants[usize::from(dx > 0.0) * 2 + usize::from(dy > 0.0)] = true;
            }
        }
        quadrants.iter().filter(|set| **set).count() >= 3
    };
    let mut lone = 0.0;
    for i in 0..na {
        if !in_a[i] {
            let (x, y, _) = moved[i];
            if covered(x, y, &mut b.minutiae.iter().map(|m| (m.x, m.y))) {
                lone += 1.0;
            }
        }
    }
    for j in 0..nb {
        if !in_b[j] {
            let q = &b.minutiae[j];
            if covered(q.x, q.y, &mut moved.iter().map(|m| (m.0, m.1))) {
                lone += 1.0;
            }
        }
    }
    let n = pairs.len() as f32;
    Features {
        score: (gain - crate::tune(26, 0.35) * lone).max(0.0),
        matched: n,
        overlap: n + lone / 2.0,
        residual: residual / n,
        local: locals / n,
    }
}
