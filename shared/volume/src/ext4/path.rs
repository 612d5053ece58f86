//! Paths on a volume.

use watchkeeper_domain::failure::Failure;

/// The names in `path`, from the root on. The root has none.
pub(super) fn names(path: &str) -> Result<Vec<&str>, Failure> {
    let names: Vec<&str> = path.trim_matches('/').split('/').collect();
    if names == [""] {
        return Ok(Vec::new());
    }
    let is_name =
        |name: &&str| !matches!(*name, "" | "." | "..") && name.len() <= 255 && !name.contains('\0');
    match names.iter().all(is_name) {
        true => Ok(names),
        false => {
            Err(Failure::new("use", format!("the path {path:?}"), "it has a name that no file can have"))
        }
    }
}

/// The names of the directory and the name in it. The root has none.
pub(super) fn split(path: &str) -> Result<(Vec<&str>, &str), Failure> {
    let mut names = names(path)?;
    match names.pop() {
        Some(name) => Ok((names, name)),
        None => Err(Failure::new("use", format!("the path {path:?}"), "it is the root")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_at_its_last_name() {
        assert_eq!(split("/a/b/c").unwrap(), (vec!["a", "b"], "c"));
        assert_eq!(split("c").unwrap(), (vec![], "c"));
        assert_eq!(names("/").unwrap(), Vec::<&str>::new());
    }

    #[test]
    fn a_path_that_leaves_the_volume_or_names_nothing_is_refused() {
        for path in ["../a", "a/../b", "a//b", "a/./b", "a\0b", &"n".repeat(256)] {
            assert!(names(path).is_err(), "{path:?}");
        }
        assert!(split("/").is_err());
    }
}
