//! Ridges thinned to lines, mended, and read.

use std::f32::consts::PI;

use super::field::Orientation;
use crate::{
    minutia::{Kind, Minutia, Minutiae},
    plane::Plane,
};

/// Neighbours in a circle, beginning right, clockwise as seen.
const CIRCLE: [(isize, isize); 8] = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)];

/// Minutiae nearer to the edge of the finger than this, in pixels, are where the picture ends, not the ridge.
const BORDER: f32 = 9.0;
/// Longest gap that is mended.
const GAP_MAX: f32 = 13.0;
/// Longest branch that is a hair, not a ridge.
const SPUR_MAX: usize = 10;
/// Longest link across two ridges that is cut.
const BRIDGE_MAX: usize = 8;
/// Longest piece of ridge that is dirt.
const ISLAND_MAX: usize = 10;
/// Pixels of ridge that tell which way it goes.
const TRACE: usize = 14;
/// Largest hole or speck, in pixels.
const HOLE_MAX: usize = 22;

pub(super) struct Skeleton<'a> {
    width: usize,
    height: usize,
    pixels: Vec<bool>,
    mask: &'a [bool],
}

/// A minutia in pixels and radians.
struct Found {
    x: f32,
    y: f32,
    angle: f32,
    kind: Kind,
    quality: u8,
}

impl Found {
    fn minutia(&self) -> Minutia {
        let hundredths = |pixels: f32| (pixels * (2540.0 / 500.0)).round() as u16;
        Minutia {
            x: hundredths(self.x),
            y: hundredths(self.y),
            angle: ((self.angle * (256.0 / (2.0 * PI))).round() as i32 & 0xFF) as u8,
            kind: self.kind,
            quality: self.quality,
        }
    }
}

/// What ends a line.
enum End {
    Ending,
    Fork,
    Cut,
}

impl<'a> Skeleton<'a> {
    pub(super) fn of(
        mut ridge: Vec<bool>,
        mask: &'a [bool],
        width: usize,
        height: usize,
        orientation: &Orientation,
    ) -> Self {
        clean(&mut ridge, mask, width, height);
        let mut skeleton = Self { width, height, pixels: ridge, mask };
        skeleton.clear_border();
        skeleton.thin();
        skeleton.sharpen();
        for _ in 0..3 {
            skeleton.cut_bridges(orientation);
            skeleton.cut_spurs();
            skeleton.join_gaps(orientation);
            skeleton.sharpen();
        }
        skeleton.drop_islands();
        skeleton
    }

    pub(super) fn into_pixels(self) -> Vec<bool> {
        self.pixels
    }

    fn get(&self, x: isize, y: isize) -> bool {
        x >= 0
            && y >= 0
            && (x as usize) < self.width
            && (y as usize) < self.height
            && self.pixels[y as usize * self.width + x as usize]
    }

    fn clear_border(&mut self) {
        let (w, h) = (self.width, self.height);
        for x in 0..w {
            self.pixels[x] = false;
            self.pixels[(h - 1) * w + x] = false;
        }
        for y in 0..h {
            self.pixels[y * w] = false;
            self.pixels[y * w + w - 1] = false;
        }
    }

    fn circle(&self, at: usize) -> [bool; 8] {
        let (x, y) = ((at % self.width) as isize, (at / self.width) as isize);
        CIRCLE.map(|(dx, dy)| self.get(x + dx, y + dy))
    }

    /// Zhang and Suen 1984.
    fn thin(&mut self) {
        let mut live: Vec<usize> = (0..self.pixels.len()).filter(|at| self.pixels[*at]).collect();
        loop {
            let mut changed = false;
            for pass in 0..2 {
                let mut gone = Vec::new();
                for &at in &live {
                    let n = self.circle(at);
                    let count = n.iter().filter(|set| **set).count();
                    let crossings = (0..8).filter(|i| !n[*i] && n[(i + 1) % 8]).count();
                    if !(2..=6).contains(&count) || crossings != 1 {
                        continue;
                    }
                    // Right 0, below 2, left 4, above 6.
                    let (right, below, left, above) = (n[0], n[2], n[4], n[6]);
                    let remove = if pass == 0 {
                        !(right && below && (above || left))
                    } else {
                        !(above && left && (right || below))
                    };
                    if remove {
                        gone.push(at);
                    }
                }
                for &at in &gone {
                    self.pixels[at] = false;
                }
                if !gone.is_empty() {
                    changed = true;
                    live.retain(|at| self.pixels[*at]);
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Takes away pixels that no connection needs, so that lines are one pixel wide.
    fn sharpen(&mut self) {
        for at in 0..self.pixels.len() {
            if !self.pixels[at] {
                continue;
            }
            let n = self.circle(at);
            let count = n.iter().filter(|set| **set).count();
            if count < 2 {
                continue;
            }
            if self.parts(at) == 1 && (n[0] || n[2] || n[4] || n[6]) && count >= 2 && !is_end(&n) {
                self.pixels[at] = false;
            }
        }
    }

    /// Connected groups among the neighbours, by the crossing number of 8-connectivity.
    fn parts(&self, at: usize) -> usize {
        let n = self.circle(at);
        // Yokoi's number for 8-connected figures.
        [0, 2, 4, 6].into_iter().filter(|i| !n[*i] && (n[i + 1] || n[(i + 2) % 8])).count()
    }

    /// Branches that leave a pixel.
    fn degree(&self, at: usize) -> usize {
        let n = self.circle(at);
        (0..8).filter(|i| !n[*i] && n[(i + 1) % 8]).count()
    }

    fn nodes(&self, degree: impl Fn(usize) -> bool) -> Vec<usize> {
        (0..self.pixels.len()).filter(|at| self.pixels[*at] && degree(self.degree(*at))).collect()
    }

    /// First pixels of the branches of a node.
    fn branches(&self, at: usize) -> Vec<usize> {
        let n = self.circle(at);
        let (x, y) = ((at % self.width) as isize, (at / self.width) as isize);
        let mut starts = Vec::new();
        for i in 0..8 {
            if n[i] && (i % 2 == 0 || (!n[(i + 7) % 8] && !n[(i + 1) % 8])) {
                let (dx, dy) = CIRCLE[i];
                starts.push((y + dy) as usize * self.width + (x + dx) as usize);
            }
        }
        starts
    }

    /// Follows a line from `node` through `first`; gives the pixels passed (without the node) and what ended it.
    fn trace(&self, node: usize, first: usize, limit: usize) -> (Vec<usize>, End) {
        let mut path = vec![first];
        let mut before = node;
        let mut at = first;
        loop {
            match self.degree(at) {
                0 | 1 if at != node => {
                    // A single neighbour: an ending, if that neighbour is where we come from.
                    return (path, End::Ending);
                }
                3.. => return (path, End::Fork),
                _ => {}
            }
            if path.len() >= limit {
                return (path, End::Cut);
            }
            let (x, y) = ((at % self.width) as isize, (at / self.width) as isize);
            let (bx, by) = ((before % self.width) as isize, (before / self.width) as isize);
            let next = CIRCLE
                .iter()
                .enumerate()
                .filter(|(_, (dx, dy))| self.get(x + dx, y + dy))
                .map(|(i, (dx, dy))| (i, x + dx, y + dy))
                .filter(|(_, nx, ny)| (*nx, *ny) != (bx, by))
                .filter(|(_, nx, ny)| !((nx - bx).abs() <= 1 && (ny - by).abs() <= 1))
                .min_by_key(|(i, _, _)| i % 2)
                .or_else(|| {
                    CIRCLE.iter().enumerate().map(|(i, (dx, dy))| (i, x + dx, y + dy)).find(|(_, nx, ny)| {
                        self.get(*nx, *ny)
                            && (*nx, *ny) != (bx, by)
                            && !path.contains(&(*ny as usize * self.width + *nx as usize))
                    })
                });
            let Some((_, nx, ny)) = next else { return (path, End::Ending) };
            before = at;
            at = ny as usize * self.width + nx as usize;
            path.push(at);
        }
    }

    fn cut_spurs(&mut self) {
        for node in self.nodes(|degree| degree == 1) {
            let Some(&first) = self.branches(node).first() else { continue };
            let (path, end) = self.trace(node, first, SPUR_MAX);
            if matches!(end, End::Fork) {
                self.pixels[node] = false;
                for at in &path[..path.len() - 1] {
                    self.pixels[*at] = false;
                }
            }
        }
    }

    fn drop_islands(&mut self) {
        for node in self.nodes(|degree| degree <= 1) {
            if !self.pixels[node] {
                continue;
            }
            let Some(&first) = self.branches(node).first() else {
                self.pixels[node] = false;
                continue;
            };
            let (path, end) = self.trace(node, first, ISLAND_MAX);
            if matches!(end, End::Ending) {
                self.pixels[node] = false;
                path.iter().for_each(|at| self.pixels[*at] = false);
            }
        }
    }

    /// Short links between two forks that run across the ridges.
    fn cut_bridges(&mut self, orientation: &Orientation) {
        for node in self.nodes(|degree| degree >= 3) {
            if self.degree(node) < 3 {
                continue;
            }
            for first in self.branches(node) {
                let (path, end) = self.trace(node, first, BRIDGE_MAX);
                if !matches!(end, End::Fork) || path.len() < 2 {
                    continue;
                }
                let last = path[path.len() - 1];
                let middle = path[path.len() / 2];
                let (dx, dy) = self.between(node, last);
                let along = dy.atan2(dx);
                let off = undirected(along, orientation.angle(middle));
                if off > PI / 4.0 {
                    path[..path.len() - 1].iter().for_each(|at| self.pixels[*at] = false);
                    break;
                }
            }
        }
    }

    fn between(&self, from: usize, to: usize) -> (f32, f32) {
        let x = |at: usize| (at % self.width) as f32;
        let y = |at: usize| (at / self.width) as f32;
        (x(to) - x(from), y(to) - y(from))
    }

    /// Direction from an ending into its ridge.
    fn inward(&self, node: usize) -> Option<(f32, f32)> {
        let first = *self.branches(node).first()?;
        let (path, _) = self.trace(node, first, TRACE);
        let (dx, dy) = self.between(node, *path.last()?);
        let length = dx.hypot(dy);
        (length > 0.5).then(|| (dx / length, dy / length))
    }

    /// Endings that face each other across a gap are one ridge.
    fn join_gaps(&mut self, orientation: &Orientation) {
        let ends: Vec<(usize, (f32, f32))> = self
            .nodes(|degree| degree == 1)
            .into_iter()
            .filter_map(|node| Some((node, self.inward(node)?)))
            .collect();
        let mut pairs = Vec::new();
        for (one, (a, (ax, ay))) in ends.iter().enumerate() {
            for (two, (b, (bx, by))) in ends.iter().enumerate().skip(one + 1) {
                let (dx, dy) = self.between(*a, *b);
                let distance = dx.hypot(dy);
                if !(1.0..=GAP_MAX).contains(&distance) {
                    continue;
                }
                let (ux, uy) = (dx / distance, dy / distance);
                let limit = if distance < 5.0 { 0.5 } else { 0.8 };
                let (out_a, out_b) = (-(ax * ux + ay * uy), bx * ux + by * uy);
                let off = undirected(dy.atan2(dx), orientation.angle(*a));
                if out_a > limit && out_b > limit && (off < PI / 5.0 || distance < 4.0) {
                    pairs.push((distance / (out_a + out_b), one, two));
                }
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut used = vec![false; ends.len()];
        for (_, one, two) in pairs {
            if used[one] || used[two] {
                continue;
            }
            used[one] = true;
            used[two] = true;
            self.line(ends[one].0, ends[two].0);
        }
    }

    fn line(&mut self, from: usize, to: usize) {
        let (dx, dy) = self.between(from, to);
        let steps = dx.abs().max(dy.abs()) as usize;
        for step in 1..steps {
            let t = step as f32 / steps as f32;
            let x = (from % self.width) as f32 + dx * t;
            let y = (from / self.width) as f32 + dy * t;
            self.pixels[y.round() as usize * self.width + x.round() as usize] = true;
        }
    }

    pub(super) fn minutiae(&self, reliability: &Plane, orientation: &Orientation) -> Minutiae {
        let distance = border_distance(self.mask, self.width, self.height);
        let mut found: Vec<Found> = Vec::new();
        for node in self.nodes(|degree| degree == 1 || degree == 3) {
            if distance[node] < BORDER {
                continue;
            }
            let (x, y) = ((node % self.width) as f32, (node / self.width) as f32);
            let starts = self.branches(node);
            let (kind, (dx, dy)) = if self.degree(node) == 1 {
                let Some(direction) = self.inward(node) else { continue };
                (Kind::Ending, direction)
            } else {
                if starts.len() != 3 {
                    continue;
                }
                let mut ways = Vec::new();
                for first in starts {
                    let (path, _) = self.trace(node, first, TRACE);
                    let Some(&last) = path.last() else { continue };
                    let (dx, dy) = self.between(node, last);
                    let length = dx.hypot(dy).max(0.5);
                    ways.push((dx / length, dy / length));
                }
                if ways.len() != 3 {
                    continue;
                }
                // The two branches that are nearest to each other are the fork.
                let pairs = [(0, 1), (0, 2), (1, 2)];
                let dot = |(a, b): (usize, usize)| ways[a].0 * ways[b].0 + ways[a].1 * ways[b].1;
                let Some(&(a, b)) = pairs.iter().max_by(|p, q| dot(**p).total_cmp(&dot(**q))) else {
                    continue;
                };
                (Kind::Bifurcation, (ways[a].0 + ways[b].0, ways[a].1 + ways[b].1))
            };
            // The field knows the direction better than a few pixels do; they know which way round.
            let field = orientation.angle(node);
            let (fx, fy) = (field.cos(), field.sin());
            let dot = (fx * dx + fy * dy) / dx.hypot(dy).max(1e-3);
            if dot.abs() < 0.3 {
                continue;
            }
            let (fx, fy) = if dot < 0.0 { (-fx, -fy) } else { (fx, fy) };
            let angle = (-fy).atan2(fx).rem_euclid(2.0 * PI);
            let quality = (100.0 * reliability.values[node] * orientation.sureness(node)).clamp(1.0, 100.0);
            found.push(Found { x, y, angle, kind, quality: quality as u8 });
        }
        // Two that point at each other from very near are noise.
        let mut drop = vec![false; found.len()];
        for one in 0..found.len() {
            for two in one + 1..found.len() {
                let (a, b) = (&found[one], &found[two]);
                let apart = (a.x - b.x).hypot(a.y - b.y);
                if apart < 6.0 {
                    let turn = (a.angle - b.angle).cos();
                    if turn < -0.5 {
                        drop[one] = true;
                        drop[two] = true;
                    } else if a.kind == b.kind {
                        drop[two] = true;
                    }
                }
            }
        }
        found.iter().zip(drop).filter(|(_, drop)| !drop).map(|(found, _)| found.minutia()).collect()
    }
}

fn is_end(n: &[bool; 8]) -> bool {
    let count = n.iter().filter(|set| **set).count();
    count == 1 || (count == 2 && (0..8).any(|i| n[i] && n[(i + 1) % 8]))
}

/// Difference of two directions without heads, 0 to π/2.
fn undirected(a: f32, b: f32) -> f32 {
    let d = (a - b).rem_euclid(PI);
    d.min(PI - d)
}

/// Fills small holes and removes small specks.
fn clean(ridge: &mut [bool], mask: &[bool], width: usize, height: usize) {
    for value in [false, true] {
        let mut seen = vec![false; ridge.len()];
        for start in 0..ridge.len() {
            if seen[start] || ridge[start] != value || !mask[start] {
                continue;
            }
            let mut group = vec![start];
            seen[start] = true;
            let mut next = 0;
            while next < group.len() {
                let at = group[next];
                next += 1;
                let (x, y) = ((at % width) as isize, (at / width) as isize);
                for (i, (dx, dy)) in CIRCLE.iter().enumerate() {
                    if !value && i % 2 == 1 {
                        continue;
                    }
                    let (nx, ny) = (x + dx, y + dy);
                    if nx < 0 || ny < 0 || nx as usize >= width || ny as usize >= height {
                        continue;
                    }
                    let to = ny as usize * width + nx as usize;
                    if !seen[to] && ridge[to] == value {
                        seen[to] = true;
                        group.push(to);
                    }
                }
            }
            if group.len() <= HOLE_MAX {
                group.iter().for_each(|at| ridge[*at] = !value);
            }
        }
    }
}

/// Distance in pixels to the nearest place outside of the mask or the image (two passes, 3-4 chamfer).
pub(super) fn border_distance(mask: &[bool], width: usize, height: usize) -> Vec<f32> {
    let mut distance: Vec<f32> = mask.iter().map(|inside| if *inside { 1e6 } else { 0.0 }).collect();
    let get = |distance: &[f32], x: isize, y: isize| {
        if x < 0 || y < 0 || x as usize >= width || y as usize >= height {
            0.0
        } else {
            distance[y as usize * width + x as usize]
        }
    };
    for y in 0..height as isize {
        for x in 0..width as isize {
            let at = y as usize * width + x as usize;
            let near = (get(&distance, x - 1, y) + 1.0)
                .min(get(&distance, x, y - 1) + 1.0)
                .min(get(&distance, x - 1, y - 1) + 1.4)
                .min(get(&distance, x + 1, y - 1) + 1.4);
            distance[at] = distance[at].min(near);
        }
    }
    for y in (0..height as isize).rev() {
        for x in (0..width as isize).rev() {
            let at = y as usize * width + x as usize;
            let near = (get(&distance, x + 1, y) + 1.0)
                .min(get(&distance, x, y + 1) + 1.0)
                .min(get(&distance, x + 1, y + 1) + 1.4)
                .min(get(&distance, x - 1, y + 1) + 1.4);
            distance[at] = distance[at].min(near);
        }
    }
    distance
}
