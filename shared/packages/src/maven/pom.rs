//! What of a POM leads to other POMs.

use std::{borrow::Cow, collections::BTreeMap};

use roxmltree::{Document, Node};

/// A POM, as it is written: nothing is inherited and nothing is filled in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Pom {
    pub parent: Option<Reference>,
    /// `jar` where it says nothing.
    pub packaging: String,
    pub properties: BTreeMap<String, String>,
    /// Dependencies of scope `import` and type `pom` in `dependencyManagement`.
    pub imports: Vec<Reference>,
    /// Where the package has moved to. What is empty has stayed.
    pub relocation: Option<Reference>,
}

/// A name that may have `${properties}` in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Reference {
    pub group: String,
    pub artifact: String,
    pub version: String,
}

impl Pom {
    /// # Errors
    /// When it is no XML.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, roxmltree::Error> {
        let text = decode(bytes);
        match Document::parse(&text) {
            Ok(document) => Ok(Self::of(document.root_element())),
            Err(roxmltree::Error::UnknownEntityReference(..)) => {
                Document::parse(&without_html_entities(&text))
                    .map(|document| Self::of(document.root_element()))
            }
            Err(error) => Err(error),
        }
    }

    fn of(project: Node<'_, '_>) -> Self {
        let properties =
            children(project, "properties").flat_map(|it| it.children()).filter(Node::is_element);
        let managed = children(project, "dependencyManagement")
            .flat_map(|it| children(it, "dependencies"))
            .flat_map(|it| children(it, "dependency"));
        let is_import = |it: &Node<'_, '_>| text(*it, "scope") == "import" && text(*it, "type") == "pom";
        let packaging = text(project, "packaging");
        Self {
            parent: children(project, "parent").next().map(Reference::of),
            packaging: if packaging.is_empty() { "jar".to_owned() } else { packaging },
            properties: properties.map(|it| (it.tag_name().name().to_owned(), own_text(it))).collect(),
            imports: managed.filter(is_import).map(Reference::of).collect(),
            relocation: children(project, "distributionManagement")
                .flat_map(|it| children(it, "relocation"))
                .next()
                .map(Reference::of),
        }
    }
}

impl Reference {
    fn of(node: Node<'_, '_>) -> Self {
        Self {
            group: text(node, "groupId"),
            artifact: text(node, "artifactId"),
            version: text(node, "version"),
        }
    }
}

/// The elements `name` right below `node`, whatever their namespace: old POMs have none.
pub(super) fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |it| it.is_element() && it.tag_name().name() == name)
}

/// The text of the first element `name` right below `node`; empty when there is none.
pub(super) fn text(node: Node<'_, '_>, name: &'static str) -> String {
    children(node, name).next().map(own_text).unwrap_or_default()
}

fn own_text(node: Node<'_, '_>) -> String {
    let texts = node.children().filter(Node::is_text).filter_map(|it| it.text());
    texts.collect::<String>().trim().to_owned()
}

/// UTF-8, and else ISO-8859-1, in which the names of some developers are written. Coordinates are ASCII either way.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// `&oslash;` and the like mean nothing in XML, but Maven takes them (`MavenXpp3Reader`, `addDefaultEntities`), and old
/// POMs have them in the names of people.
fn without_html_entities(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').unwrap_or(("", part));
        let is_html = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !matches!(name, "amp" | "lt" | "gt" | "quot" | "apos");
        out.push(if is_html { '?' } else { '&' });
        out.push_str(if is_html { rest } else { part });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(group: &str, artifact: &str, version: &str) -> Reference {
        Reference { group: group.to_owned(), artifact: artifact.to_owned(), version: version.to_owned() }
    }

    #[test]
    fn what_leads_to_other_poms_is_read_and_the_rest_is_not() {
        let pom = Pom::parse(
            br#"<?xml version="1.0" encoding="UTF-8"?>
            <project xmlns="http://maven.apache.org/POM/4.0.0">
              <parent> <groupId>g</groupId> <artifactId> p </artifactId> <version>1</version> </parent>
              <artifactId>a</artifactId>
              <properties> <x.version>1.<!-- comment -->2</x.version> <empty/> </properties>
              <dependencies><dependency><groupId>g</groupId><artifactId>no</artifactId><type>pom</type><scope>import</scope></dependency></dependencies>
              <dependencyManagement><dependencies>
                <dependency><groupId>g</groupId><artifactId>bom</artifactId><version>${x.version}</version><type>pom</type><scope>import</scope></dependency>
                <dependency><groupId>g</groupId><artifactId>lib</artifactId><version>3</version></dependency>
                <dependency><groupId>g</groupId><artifactId>jar</artifactId><version>3</version><scope>import</scope></dependency>
              </dependencies></dependencyManagement>
              <profiles><profile><properties><x.version>9</x.version></properties></profile></profiles>
              <distributionManagement><relocation><artifactId>b</artifactId></relocation></distributionManagement>
            </project>"#,
        )
        .unwrap();
        assert_eq!(pom.parent, Some(reference("g", "p", "1")));
        assert_eq!(pom.packaging, "jar");
        let properties =
            [("empty", ""), ("x.version", "1.2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pom.properties, BTreeMap::from(properties));
        assert_eq!(pom.imports, [reference("g", "bom", "${x.version}")]);
        assert_eq!(pom.relocation, Some(reference("", "b", "")));
    }

    #[test]
    fn old_poms_are_read_too() {
        for bytes in [
            &b"<project><packaging>pom</packaging></project>"[..],
            b"\xef\xbb\xbf<project><packaging>pom</packaging></project>",
            b"<?xml version='1.0' encoding='ISO-8859-1'?><project><name>M\xfcller</name><packaging>pom</packaging></project>",
            b"<project><name>Trygve &oslash; &amp; &lt; AT&T; a&b;</name><packaging>pom</packaging></project>",
        ] {
            let pom = Pom::parse(bytes).unwrap();
            assert_eq!(pom, Pom { packaging: "pom".to_owned(), ..Pom::default() });
        }
    }

    #[test]
    fn what_is_no_xml_or_a_bomb_is_refused() {
        assert!(Pom::parse(b"<html><p>not found</html>").is_err());
        assert!(Pom::parse(b"").is_err());
        let bomb =
            br#"<!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><project><name>&b;</name></project>"#;
        assert!(Pom::parse(bomb).is_err());
    }
}
