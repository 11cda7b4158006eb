//! Posted forms, read so that there is one reading only: every name once, every escape valid, every text UTF-8.

use std::collections::BTreeMap;

use super::Unverified;

/// Providers post a few kilobytes.
const BODY_MAX: usize = 64 << 10;
/// Providers post a few dozen.
const FIELDS_MAX: usize = 256;

/// Fields in the order of their names.
pub(super) type Fields = BTreeMap<String, String>;

/// Reads a body of the type `application/x-www-form-urlencoded`.
pub(super) fn read(body: &[u8]) -> Result<Fields, Unverified> {
    let bad = |problem: &str| Unverified::Body(problem.to_owned());
    if body.is_empty() || body.len() > BODY_MAX {
        return Err(bad("it must have 1 to 65536 bytes"));
    }
    let mut fields = Fields::new();
    for (count, pair) in body.split(|byte| *byte == b'&').enumerate() {
        if count >= FIELDS_MAX {
            return Err(bad("too many fields"));
        }
        let at = pair.iter().position(|byte| *byte == b'=').ok_or_else(|| bad("a field has no ="))?;
        let text = |part: &[u8]| unescaped(part).ok_or_else(|| bad("an escape is broken or no UTF-8"));
        let (name, value) = (text(&pair[..at])?, text(&pair[at + 1..])?);
        if name.is_empty() || fields.insert(name, value).is_some() {
            return Err(bad("a field has no name or comes twice"));
        }
    }
    Ok(fields)
}

/// Writes fields as such a body.
pub(super) fn written<'a>(fields: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// `k=v&…` on raw values, in the order of the names: what both providers that post forms sign.
pub(super) fn joined<'a>(fields: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}

/// A field that must be there and hold 1 to `longest` bytes.
pub(super) fn needed<'a>(fields: &'a Fields, name: &'static str, longest: usize) -> Result<&'a str, Unverified> {
    let value = fields.get(name).map(String::as_str);
    value.filter(|value| (1..=longest).contains(&value.len())).ok_or(Unverified::Field(name))
}

/// Decodes once: `+` is a space, `%XX` a byte.
fn unescaped(part: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.iter();
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => digit(rest.next())? << 4 | digit(rest.next())?,
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_one_reading() {
        let fields = read(b"b=2%2B+%E5%8D%95&a==1&c=").unwrap();
        assert_eq!(joined(&fields), "a==1&b=2+ 单&c=");
        assert_eq!(read(written(&fields).as_bytes()).unwrap(), fields);
        for bad in ["", "a", "=1", "a=1&a=2", "a=1&%61=2", "a=1&", "a=%", "a=%2", "a=%g0", "a=%ff", "a=%+1"] {
            assert!(matches!(read(bad.as_bytes()), Err(Unverified::Body(_))), "{bad}");
        }
        assert!(read(&vec![b'a'; BODY_MAX + 1]).is_err());
        assert!(read(format!("a=1{}", "&b=1".repeat(FIELDS_MAX)).as_bytes()).is_err());
    }

    #[test]
    fn what_is_needed_is_there_and_not_too_long() {
        let fields = read(b"a=12&b=").unwrap();
        assert_eq!(needed(&fields, "a", 2), Ok("12"));
        for (name, longest) in [("a", 1), ("b", 2), ("c", 2)] {
            assert_eq!(needed(&fields, name, longest), Err(Unverified::Field(name)));
        }
    }
}
