"""What must hold of a GraphML file before it is read."""

from pathlib import Path
from xml.parsers import expat

from data_builders.errors import InputError


def check_xml(data: bytes, path: Path) -> None:
    """Refuse what is not XML, has a document type, or names a node that is not there (networkx would invent
    it).
    """
    nodes: set[str | None] = set()
    ends: list[tuple[str | None, int]] = []
    parser = expat.ParserCreate()

    def doctype(*_: object) -> None:
        raise InputError(
            f"{path}: line {parser.CurrentLineNumber}: document types and entities are refused; remove the <!DOCTYPE ..> part"
        )

    def element(tag: str, attributes: dict[str, str]) -> None:
        kind = tag.rpartition(":")[2]
        if kind == "node":
            nodes.add(attributes.get("id"))
        elif kind == "edge":
            ends.extend((attributes.get(end), parser.CurrentLineNumber) for end in ("source", "target"))

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = element
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        reason = expat.errors.messages[error.code]
        raise InputError(f"{path}: line {error.lineno}: not XML ({reason}); GraphML is XML") from None
    if None in nodes:
        raise InputError(f"{path}: a <node> has no id")
    for end, line in ends:
        if end not in nodes:
            raise InputError(
                f"{path}: line {line}: an edge names the node {end!r}, which the file does not have"
            )
