//! Card readers on USB, seen without pcscd: from sysfs and from the driver's list.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

/// Where the kernel shows the devices on USB.
pub(super) const SYSFS: &str = "/sys/bus/usb/devices";

/// The list of readers that Debian's driver takes.
pub(super) const DRIVER_LIST: &str = "/usr/lib/pcsc/drivers/ifd-ccid.bundle/Contents/Info.plist";

/// Most devices that are looked at.
const DEVICES_MAX: usize = 1_024;
/// Most bytes of one file that is read.
const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

const CLASS_SMART_CARD: u8 = 0x0B;
const CLASS_VENDOR: u8 = 0xFF;
const DESCRIPTOR_INTERFACE: u8 = 0x04;
const DESCRIPTOR_CCID: u8 = 0x21;
const CCID_BYTES: usize = 0x36;

/// A card reader on USB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsbReader {
    /// USB vendor number.
    pub vendor_id: u16,
    /// USB product number.
    pub product_id: u16,
    /// What the device calls itself.
    pub product: String,
    /// Whether the system puts it to sleep when idle.
    pub autosuspend: bool,
    /// Whether the driver's list has its numbers; `None` when there is no list to look into.
    pub in_driver_list: Option<bool>,
    /// What it says of its abilities; `None` when that is broken.
    pub ccid: Option<CcidDescriptor>,
}

/// The class descriptor of a reader. Source: USB CCID specification 1.1 §5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CcidDescriptor {
    /// Slots.
    pub slots: u16,
    /// Whether it can power cards with 5 V, 3 V and 1.8 V.
    pub volts_5_3_18: [bool; 3],
    /// Whether it speaks T=0 and T=1.
    pub protocols_t0_t1: [bool; 2],
    /// Highest clock of the card, kHz.
    pub clock_khz_max: u32,
    /// Highest speed of the line, bits per second.
    pub baud_max: u32,
    /// What is exchanged with it.
    pub level: ExchangeLevel,
    /// Longest message, bytes.
    pub message_bytes_max: u32,
    /// Whether it has keys for a PIN: to verify one, to change one.
    pub pin_verify_modify: [bool; 2],
}

/// What the host exchanges with the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeLevel {
    /// Characters: everything is done by the host. libccid does not take such a reader.
    Character,
    /// What goes over the line at once: `61xx` and `6Cxx` are the host's.
    Tpdu,
    /// Short APDUs.
    ShortApdu,
    /// Short and extended APDUs.
    ExtendedApdu,
}

/// Every card reader below `sysfs`.
pub(super) fn readers(sysfs: &Path, driver_list: &Path) -> Vec<UsbReader> {
    let list = driver_list.exists().then(|| read_text(driver_list));
    let mut devices: Vec<PathBuf> = fs::read_dir(sysfs)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .take(DEVICES_MAX)
        .collect();
    devices.sort();
    devices.iter().filter_map(|device| reader(device, list.as_deref())).collect()
}

fn reader(device: &Path, list: Option<&str>) -> Option<UsbReader> {
    let descriptors = read(&device.join("descriptors"))?;
    let ccid = find_ccid(&descriptors)?;
    let number = |file: &str| u16::from_str_radix(read_text(&device.join(file)).trim(), 16).ok();
    let (vendor_id, product_id) = (number("idVendor")?, number("idProduct")?);
    Some(UsbReader {
        vendor_id,
        product_id,
        product: read_text(&device.join("product")).trim().to_owned(),
        autosuspend: read_text(&device.join("power/control")).trim() == "auto",
        in_driver_list: list.map(|list| is_listed(list, vendor_id, product_id)),
        ccid,
    })
}

/// Looks for the interface of a card reader. `None`: not a reader; `Some(None)`: one whose descriptor is
/// broken. Readers older than the class have it behind a vendor interface, with the class's layout.
fn find_ccid(descriptors: &[u8]) -> Option<Option<CcidDescriptor>> {
    let mut class = None;
    let mut found = None;
    let mut rest = descriptors;
    while let [length, kind, ..] = rest {
        let Some((descriptor, tail)) = rest.split_at_checked(usize::from(*length).max(2)) else { break };
        match *kind {
            DESCRIPTOR_INTERFACE => {
                class = descriptor.get(5).copied();
                if class == Some(CLASS_SMART_CARD) {
                    found = found.or(Some(None));
                }
            }
            DESCRIPTOR_CCID
                if class == Some(CLASS_SMART_CARD)
                    || (class == Some(CLASS_VENDOR) && descriptor.len() == CCID_BYTES) =>
            {
                return Some(CcidDescriptor::parse(descriptor));
            }
            _ => {}
        }
        rest = tail;
    }
    found
}

impl CcidDescriptor {
    /// Reads the class descriptor, its length and type bytes included. `None` when it is cut.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < CCID_BYTES || bytes[0] as usize != CCID_BYTES || bytes[1] != DESCRIPTOR_CCID {
            return None;
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (volts, protocols, pin) = (bytes[5], word(6), bytes[52]);
        let level = match (word(40) >> 16) & 0x07 {
            0 => ExchangeLevel::Character,
            1 => ExchangeLevel::Tpdu,
            2 => ExchangeLevel::ShortApdu,
            _ => ExchangeLevel::ExtendedApdu,
        };
        Some(CcidDescriptor {
            slots: u16::from(bytes[4]) + 1,
            volts_5_3_18: [1, 2, 4].map(|bit| volts & bit != 0),
            protocols_t0_t1: [1, 2].map(|bit| protocols & bit != 0),
            clock_khz_max: word(14),
            baud_max: word(23),
            level,
            message_bytes_max: word(44),
            pin_verify_modify: [1, 2].map(|bit| pin & bit != 0),
        })
    }
}

/// Whether the driver's list has this pair. It is two arrays of numbers that belong together by position.
fn is_listed(list: &str, vendor_id: u16, product_id: u16) -> bool {
    let numbers = |key: &str| -> Vec<u16> {
        let body = list.split_once(&format!("<key>{key}</key>")).map_or("", |(_, after)| after);
        let array = body.split_once("</array>").map_or("", |(array, _)| array);
        array
            .split("<string>")
            .skip(1)
            .filter_map(|item| {
                let number = item.split_once("</string>")?.0.trim().strip_prefix("0x")?;
                u16::from_str_radix(number, 16).ok()
            })
            .collect()
    };
    numbers("ifdVendorID")
        .into_iter()
        .zip(numbers("ifdProductID"))
        .any(|pair| pair == (vendor_id, product_id))
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = fs::read(path).ok()?;
    bytes.truncate(FILE_BYTES_MAX);
    Some(bytes)
}

fn read_text(path: &Path) -> String {
    read(path).map_or_else(String::new, |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// The class descriptor of an SCM SPR532, as shown by lsusb in
    /// <https://lists.gnupg.org/pipermail/gnupg-users/2014-October/051202.html>.
    const SPR532: &str = "3621000100010300\
        0000a00f0000401f0000000 12a00002940050000fe0000000000000000000000\
        ba0001000e010000ffff00000301";

    fn spr532() -> Vec<u8> {
        hex::decode(SPR532.replace(' ', "")).unwrap()
    }

    /// Device, configuration and interface as in the same text.
    fn device(class: u8, ccid: &[u8]) -> Vec<u8> {
        let mut bytes = vec![18, 1, 0, 2, 0, 0, 0, 16, 0xE6, 4, 3, 0xE0, 0x10, 5, 1, 2, 5, 1];
        bytes.extend([9, 2, 93, 0, 1, 1, 3, 0xA0, 50]);
        bytes.extend([9, 4, 0, 0, 3, class, 0, 0, 4]);
        bytes.extend(ccid);
        bytes.extend([7, 5, 1, 2, 64, 0, 0]);
        bytes
    }

    #[test]
    fn a_pin_pad_of_old() {
        let descriptor = CcidDescriptor {
            slots: 1,
            volts_5_3_18: [true, false, false],
            protocols_t0_t1: [true, true],
            clock_khz_max: 8_000,
            baud_max: 344_105,
            level: ExchangeLevel::Tpdu,
            message_bytes_max: 270,
            pin_verify_modify: [true, true],
        };
        assert_eq!(spr532().len(), CCID_BYTES);
        assert_eq!(CcidDescriptor::parse(&spr532()), Some(descriptor));
        assert_eq!(find_ccid(&device(CLASS_VENDOR, &spr532())), Some(Some(descriptor)));
        assert_eq!(find_ccid(&device(CLASS_SMART_CARD, &spr532())), Some(Some(descriptor)));
        assert_eq!(find_ccid(&device(CLASS_SMART_CARD, &spr532()[..20])), Some(None), "a broken reader");
        assert_eq!(find_ccid(&device(0x03, &[9, 0x21, 0x11, 1, 0, 1, 0x22, 60, 0])), None, "a keyboard");
    }

    #[test]
    fn any_bytes_are_survived() {
        for cut in 0..device(CLASS_SMART_CARD, &spr532()).len() {
            let _ = find_ccid(&device(CLASS_SMART_CARD, &spr532())[..cut]);
            let _ = find_ccid(&vec![0; cut]);
            let _ = find_ccid(&vec![1; cut]);
        }
    }

    #[test]
    fn one_reader_in_sysfs() {
        let sysfs = tempfile::tempdir().unwrap();
        let reader = sysfs.path().join("2-6");
        fs::create_dir_all(reader.join("power")).unwrap();
        fs::write(reader.join("descriptors"), device(CLASS_SMART_CARD, &spr532())).unwrap();
        fs::write(reader.join("idVendor"), "04e6\n").unwrap();
        fs::write(reader.join("idProduct"), "e003\n").unwrap();
        fs::write(reader.join("product"), "SPRx32 USB Smart Card Reader\n").unwrap();
        fs::write(reader.join("power/control"), "auto\n").unwrap();
        let keyboard = sysfs.path().join("2-7");
        fs::create_dir_all(&keyboard).unwrap();
        fs::write(keyboard.join("descriptors"), device(0x03, &[])).unwrap();
        let list = sysfs.path().join("Info.plist");
        fs::write(&list, plist(&["0x072F", "0x04E6"], &["0xE003", "0xE003"])).unwrap();

        let found = readers(sysfs.path(), &list);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].vendor_id, found[0].product_id), (0x04E6, 0xE003));
        assert_eq!(found[0].product, "SPRx32 USB Smart Card Reader");
        assert!(found[0].autosuspend);
        assert_eq!(found[0].in_driver_list, Some(true));
        // The same numbers, but not of the same reader.
        fs::write(&list, plist(&["0x04E6", "0x072F"], &["0x9000", "0xE003"])).unwrap();
        assert_eq!(readers(sysfs.path(), &list)[0].in_driver_list, Some(false));
        fs::remove_file(&list).unwrap();
        assert_eq!(readers(sysfs.path(), &list)[0].in_driver_list, None);
    }

    fn plist(vendors: &[&str], products: &[&str]) -> String {
        let array = |numbers: &[&str]| -> String {
            numbers.iter().map(|number| format!("\t\t<string>{number}</string>\n")).collect()
        };
        format!(
            "<dict>\n<key>ifdVendorID</key>\n<array>\n{}</array>\n<key>ifdProductID</key>\n<array>\n{}</array>\n</dict>",
            array(vendors),
            array(products)
        )
    }

    #[test]
    fn debians_own_list_can_be_read() {
        let list = read_text(Path::new(DRIVER_LIST));
        if list.is_empty() {
            // libccid is not installed here; the layout is tested above.
            return;
        }
        assert!(is_listed(&list, 0x058F, 0x9540), "Alcor Micro AU9540");
        assert!(!is_listed(&list, 0x0001, 0x0001));
    }
}
