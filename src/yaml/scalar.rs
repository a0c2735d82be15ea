//! What a plain scalar means: the core schema of YAML 1.2, less what has no exact JSON value or is likely a mistake.

use serde_json::{Number, Value};

/// Why a plain scalar is refused, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) hint: String,
}

/// The value that a plain scalar stands for.
///
/// # Errors
/// It is a number without a JSON form, or one with leading zeros, which is text or octal in most people's mind.
pub(super) fn resolve(plain: &str) -> Result<Value, Refusal> {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(plain, ".nan" | ".NaN" | ".NAN") {
        return Err(Refusal {
            message: format!("`{plain}` has no JSON value"),
            hint: "put it into quotes if it is text".to_owned(),
        });
    }
    let radix = |prefix: &str, radix: u32| {
        plain
            .strip_prefix(prefix)
            .filter(|digits| {
                !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
            })
            .map(|digits| u128::from_str_radix(digits, radix))
    };
    if let Some(value) = radix("0o", 8).or_else(|| radix("0x", 16)) {
        return value
            .ok()
            .and_then(|value| number(&value.to_string()))
            .ok_or_else(|| Refusal {
                message: format!("`{plain}` is too large"),
                hint: "write it as a decimal number, or in quotes if it is text".to_owned(),
            });
    }
    match decimal(plain) {
        None => Ok(Value::String(plain.to_owned())),
        Some(parts) if parts.whole.len() > 1 && parts.whole.starts_with('0') => Err(Refusal {
            message: format!("`{plain}` is a number with leading zeros"),
            hint: "put it into quotes if it is text, or leave the zeros out".to_owned(),
        }),
        Some(parts) => Ok(number(&parts.json()).unwrap_or_else(|| Value::String(plain.to_owned()))),
    }
}

fn number(json: &str) -> Option<Value> {
    serde_json::from_str::<Number>(json).ok().map(Value::Number)
}

/// A decimal number's parts.
struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: Option<&'a str>,
    exponent: &'a str,
}

impl Decimal<'_> {
    /// As JSON has it: digits on both sides of the point, no plus sign.
    fn json(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let or_zero = |digits: &str| if digits.is_empty() { "0" } else { digits }.to_owned();
        let fraction = self
            .fraction
            .map(|digits| format!(".{}", or_zero(digits)))
            .unwrap_or_default();
        format!("{sign}{}{fraction}{}", or_zero(self.whole), self.exponent)
    }
}

/// Matches `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`.
fn decimal(text: &str) -> Option<Decimal<'_>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => unsigned.split_at(at),
        None => (unsigned, ""),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let some_digits = |text: &str| !text.is_empty() && digits(text);
    let exponent_digits = exponent.get(1..).unwrap_or_default();
    let exponent_digits = exponent_digits
        .strip_prefix(['-', '+'])
        .unwrap_or(exponent_digits);
    let valid = digits(whole)
        && fraction.is_none_or(digits)
        && (some_digits(whole) || fraction.is_some_and(some_digits))
        && (exponent.is_empty() || some_digits(exponent_digits));
    valid.then_some(Decimal {
        negative: text.starts_with('-'),
        whole,
        fraction,
        exponent,
    })
}
