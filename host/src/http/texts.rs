//! Texts of request bodies: how long they may be, and of what.

use crate::app::problem::Problem;

/// Addresses in one body.
const LINKS_MAX: usize = 9;
/// Characters of an address.
const LINK_MAX: usize = 512;

/// A text of 1 to `most` characters, without control characters but line ends.
pub(super) fn text(name: &str, text: String, most: usize) -> Result<String, Problem> {
    let clean = !text.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t');
    if clean && (1..=most).contains(&text.chars().count()) {
        return Ok(text);
    }
    Err(Problem::invalid("bad-body", format!("{name}: 1 to {most} characters")))
}

/// Addresses of pictures: the platform keeps and shows them, and never opens them.
pub(super) fn links(name: &str, links: Vec<String>) -> Result<Vec<String>, Problem> {
    let fine = |link: &String| {
        link.starts_with("https://")
            && link.chars().count() <= LINK_MAX
            && !link.chars().any(|c| c.is_control() || c.is_whitespace())
    };
    if links.len() <= LINKS_MAX && links.iter().all(fine) {
        return Ok(links);
    }
    let detail = format!("{name}: at most {LINKS_MAX} https addresses of at most {LINK_MAX} characters");
    Err(Problem::invalid("bad-body", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_bounds_and_no_control_characters() {
        assert_eq!(text("reason", "太小\n".into(), 3).unwrap(), "太小\n");
        for bad in ["", "four", "a\0"] {
            assert!(text("reason", bad.into(), 3).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn links_are_https_and_few() {
        let link = "https://pictures.example/1.jpg".to_owned();
        assert!(links("links", vec![link.clone(); 9]).is_ok());
        assert!(links("links", vec![link; 10]).is_err());
        for bad in ["http://pictures.example/1", "javascript:alert(1)", "https://a b", "https://a\u{7}"] {
            assert!(links("links", vec![bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
