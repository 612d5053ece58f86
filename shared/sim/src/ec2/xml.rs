//! XML as EC2 writes it: elements with texts or with elements, and no attributes.

use aws_smithy_xml::encode::{ScopeWriter, XmlWriter};

pub(super) struct Element {
    name: &'static str,
    content: Content,
}

enum Content {
    Text(String),
    Elements(Vec<Element>),
}

pub(super) fn text(name: &'static str, text: impl ToString) -> Element {
    Element { name, content: Content::Text(text.to_string()) }
}

pub(super) fn elements(name: &'static str, elements: Vec<Element>) -> Element {
    Element { name, content: Content::Elements(elements) }
}

/// A list: each of its members is an `item`.
pub(super) fn list(name: &'static str, items: impl IntoIterator<Item = Vec<Element>>) -> Element {
    elements(name, items.into_iter().map(|item| elements("item", item)).collect())
}

/// The document with the root `name`.
pub(super) fn document(name: &str, elements: &[Element]) -> String {
    let mut document = String::new();
    let mut writer = XmlWriter::new(&mut document);
    let root = writer.start_el(name).write_ns("http://ec2.amazonaws.com/doc/2016-11-15/", None);
    write(root.finish(), elements);
    document
}

fn write(mut scope: ScopeWriter<'_, '_>, elements: &[Element]) {
    for element in elements {
        let mut inner = scope.start_el(element.name).finish();
        match &element.content {
            Content::Text(text) => inner.data(text),
            Content::Elements(elements) => write(inner, elements),
        }
    }
}
