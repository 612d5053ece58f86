//! A POM with what it inherits, as far as it takes to name its parents, imports and relocation.
//!
//! | what | how Maven does it, and so do we |
//! |---|---|
//! | parent | by the POM's own properties: nothing is inherited before the parent is known |
//! | imports | those of the POM and of all its parents; of two for one BOM the nearest counts |
//! | `${project.version}`, `${pom.…}`, `${version}` | the POM's that is built, even where a parent wrote it |
//! | other properties | the nearest definition in the line of parents, which may name others |
//! | profiles, `${env.…}`, `${java.…}`, version ranges | not: such a reference is a problem that names it |

use super::{
    coordinate::Gav,
    pom::{Pom, Reference},
};

/// How many properties may be named inside one another.
const NESTED: u32 = 16;

/// A POM and its parents, the nearest first.
pub(super) struct Effective<'a> {
    pub gav: &'a Gav,
    pub line: Vec<&'a Pom>,
}

/// A reference that leads nowhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Dangling {
    /// A property that nobody defines.
    Property(String),
    /// A name with characters that no file name in a repository has, such as a range of versions.
    Name(String),
}

impl Effective<'_> {
    /// The parent that the POM itself names.
    pub(super) fn parent(&self) -> Option<Result<Gav, Dangling>> {
        let parent = self.line.first()?.parent.as_ref()?;
        Some(self.resolve(parent))
    }

    /// The BOMs that it imports.
    pub(super) fn imports(&self) -> Vec<Result<Gav, Dangling>> {
        let mut imports: Vec<Result<Gav, Dangling>> = Vec::new();
        for import in self.line.iter().flat_map(|pom| &pom.imports).map(|it| self.resolve(it)) {
            let is_same =
                |one: &Gav, other: &Gav| (&one.group, &one.artifact) == (&other.group, &other.artifact);
            let is_known = |new: &Gav| imports.iter().flatten().any(|known| is_same(known, new));
            if import.as_ref().map_or(true, |new| !is_known(new)) {
                imports.push(import);
            }
        }
        imports
    }

    /// Where the package has moved to.
    pub(super) fn relocation(&self) -> Option<Result<Gav, Dangling>> {
        let to = self.line.first()?.relocation.as_ref()?;
        let or = |text: &str, stayed: &str| if text.is_empty() { stayed.to_owned() } else { text.to_owned() };
        Some(self.resolve(&Reference {
            group: or(&to.group, &self.gav.group),
            artifact: or(&to.artifact, &self.gav.artifact),
            version: or(&to.version, &self.gav.version),
        }))
    }

    fn resolve(&self, reference: &Reference) -> Result<Gav, Dangling> {
        let Reference { group, artifact, version } = reference;
        let [group, artifact, version] = [group, artifact, version].map(|text| self.fill(text, NESTED));
        let (group, artifact, version) = (group?, artifact?, version?);
        Gav::new(&group, &artifact, &version)
            .ok_or_else(|| Dangling::Name(format!("{group}:{artifact}:{version}")))
    }

    /// `text` with its properties filled in.
    fn fill(&self, text: &str, nested: u32) -> Result<String, Dangling> {
        let Some((before, rest)) = text.split_once("${") else { return Ok(text.to_owned()) };
        let Some((name, after)) = rest.split_once('}') else { return Ok(text.to_owned()) };
        let value = self.property(name).filter(|_| nested > 0);
        let value = value.ok_or_else(|| Dangling::Property(name.to_owned()))?;
        Ok(format!("{before}{}{}", self.fill(&value, nested - 1)?, self.fill(after, nested)?))
    }

    fn property(&self, name: &str) -> Option<String> {
        let own = name.strip_prefix("project.").or_else(|| name.strip_prefix("pom."));
        let defined = || self.line.iter().find_map(|pom| pom.properties.get(name).cloned());
        match own {
            Some(own) => self.own(own).or_else(defined),
            None => defined().or_else(|| self.own(name)),
        }
    }

    fn own(&self, name: &str) -> Option<String> {
        let pom = self.line.first()?;
        match name {
            "groupId" => Some(self.gav.group.clone()),
            "artifactId" => Some(self.gav.artifact.clone()),
            "version" => Some(self.gav.version.clone()),
            "parent.groupId" => pom.parent.as_ref().map(|it| it.group.clone()),
            "parent.artifactId" => pom.parent.as_ref().map(|it| it.artifact.clone()),
            "parent.version" => pom.parent.as_ref().map(|it| it.version.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pom(inside: &str) -> Pom {
        Pom::parse(format!("<project>{inside}</project>").as_bytes()).unwrap()
    }

    fn bom(artifact: &str, version: &str) -> String {
        format!(
            "<dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version><type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>"
        )
    }

    fn imports(line: &[Pom]) -> Vec<String> {
        let gav = Gav::new("g", "a", "7").unwrap();
        let show = |it: Result<Gav, Dangling>| {
            it.map_or_else(|dangling| format!("{dangling:?}"), |gav| gav.to_string())
        };
        Effective { gav: &gav, line: line.iter().collect() }.imports().into_iter().map(show).collect()
    }

    #[test]
    fn a_property_of_the_child_chooses_the_version_that_the_parent_imports() {
        let parent = pom(&format!("<properties><v>1</v></properties>{}", bom("bom", "${v}")));
        assert_eq!(imports(&[pom(""), parent.clone()]), ["g:bom:1"]);
        assert_eq!(imports(&[pom("<properties><v>2</v></properties>"), parent.clone()]), ["g:bom:2"]);
        assert_eq!(imports(&[pom(&bom("bom", "3")), parent]), ["g:bom:3"]);
    }

    #[test]
    fn the_version_of_the_project_is_that_of_the_child_even_in_what_the_parent_wrote() {
        for name in ["project.version", "pom.version", "version"] {
            assert_eq!(imports(&[pom(""), pom(&bom("bom", &format!("${{{name}}}")))]), ["g:bom:7"]);
        }
        let child = pom(&format!(
            "<parent><groupId>g</groupId><artifactId>p</artifactId><version>5</version></parent>{}",
            bom("bom", "${project.parent.version}-${project.artifactId}")
        ));
        assert_eq!(imports(&[child]), ["g:bom:5-a"]);
    }

    #[test]
    fn properties_may_name_others_but_not_themselves() {
        let line = |v: &str| {
            pom(&format!("<properties><v>{v}</v><w>${{v}}.1</w></properties>{}", bom("bom", "${w}-x")))
        };
        assert_eq!(imports(&[line("4")]), ["g:bom:4.1-x"]);
        assert_eq!(imports(&[line("${w}")]), [r#"Property("w")"#]);
        assert_eq!(imports(&[line("${java.version}")]), [r#"Property("java.version")"#]);
        assert_eq!(imports(&[pom(&bom("bom", "[1,2)"))]), [r#"Name("g:bom:[1,2)")"#]);
    }

    #[test]
    fn what_has_moved_keeps_what_the_relocation_does_not_name() {
        let gav = Gav::new("mysql", "mysql-connector-java", "8.0.33").unwrap();
        let pom = pom("<distributionManagement><relocation><groupId>com.mysql</groupId>\
             <artifactId>mysql-connector-j</artifactId></relocation></distributionManagement>");
        let moved = Effective { gav: &gav, line: vec![&pom] }.relocation();
        assert_eq!(moved, Some(Ok(Gav::new("com.mysql", "mysql-connector-j", "8.0.33").unwrap())));
    }
}
