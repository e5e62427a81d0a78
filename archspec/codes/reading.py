"""The codes of what keeps a file from being read at all."""

from __future__ import annotations

from archspec.codes.code import Code

READING_CODES = (
    Code(
        "E001",
        "a file can't be read",
        "The file does not exist, is a directory, or may not be read. It is no text, so there is no example.",
        "",
    ),
    Code(
        "E002",
        "a file that is not UTF-8",
        "Specs are UTF-8, with or without a byte order mark, so that a name means the same on every machine. "
        "Bytes that are not UTF-8 are no text, so there is no example.",
        "",
    ),
    Code(
        "E003",
        "a file that is too large",
        "No table is that long; the bound keeps a stray data file from filling the memory. `--limit source=BYTES` "
        "raises it. The example would have eight million characters.",
        "",
    ),
    Code(
        "E004",
        "a character that nobody sees",
        "Control characters, byte order marks inside a text and the line breaks of old encodings make a file mean "
        "something else than what an editor shows. Inside double quotes they can be written as escapes.",
        "name: Le\x07Net\n",
    ),
    Code(
        "E005",
        "an empty file",
        "There is nothing in the file but comments and space.",
        "# the layers come later\n",
    ),
    Code(
        "E006",
        "two documents in one file",
        "A file holds one spec. `---` starts another YAML document, and one of the two would be ignored.",
        "name: LeNet-5\n---\nname: AlexNet\n",
    ),
    Code(
        "E007",
        "a text that is not YAML",
        "The text breaks off, goes on after its end, or has a sign where none can be. Often a comma or a quote is "
        "missing.",
        "layers: [{name: C1, type: conv} {name: S2, type: avg_pool}]\n",
    ),
    Code(
        "E008",
        "a tab that indents",
        "YAML indents with spaces only, because nobody agrees how wide a tab is.",
        "layers:\n\t- {name: C1, type: conv}\n",
    ),
    Code(
        "E009",
        "a bracket or quote without its other half",
        "What is opened must be closed, else the rest of the file becomes part of it.",
        "layers:\n  - {name: C1, type: conv\n  - {name: S2, type: avg_pool}\n",
    ),
    Code(
        "E010",
        "no space after a colon",
        "Without a space after the colon, `kernel:5` is one word for YAML, not a key with its value.",
        "layers:\n  - {name: C1, type: conv, kernel:5}\n",
    ),
    Code(
        "E011",
        "an unquoted expression with a comma",
        "Inside `{}` and `[]` a comma ends the value, also between the arguments of a function. Quotes keep the "
        "expression together.",
        "layers:\n  - {name: C1, type: conv, maps: =min(4, 8)}\n",
    ),
    Code(
        "E012",
        "a sign that YAML keeps for itself",
        "A value can't start with `@`, `%`, `&`, `*` or a backtick, and a line can't start with `%`, unless quoted.",
        "name: @lenet\n",
    ),
    Code(
        "E013",
        "an indentation that fits nothing",
        "Indentation says what belongs to what. This line is between two levels, or below a value that is complete.",
        "name: LeNet-5\n  input: 1x32x32\n",
    ),
    Code(
        "E014",
        "a list and keys at one level",
        "A block is either a list, each item after `- `, or a mapping of keys; not both.",
        "layers:\n  - {name: C1, type: conv}\n  input: 1x32x32\n",
    ),
    Code(
        "E015",
        "an escape that means nothing",
        "In double quotes a backslash starts an escape. JSON's pairs of `\\u` escapes for one character are not YAML; "
        "the character itself is.",
        'name: "C:\\specs"\n',
    ),
    Code(
        "E016",
        "a key that stands twice",
        "Only one of the two values could count, and which one is not to be guessed.",
        "name: LeNet-5\nname: AlexNet\n",
    ),
    Code(
        "E017",
        "an anchor, an alias or a merge key",
        "`&`, `*` and `<<` copy text without a trace, and a few lines of them can stand for billions. `defaults:`, "
        "`blocks:` and `repeat:` say what repeats, and messages can name them.",
        "base: &base {type: conv, kernel: 3}\nlayers: [*base, *base]\n",
    ),
    Code(
        "E018",
        "a tag",
        "Tags tell YAML libraries to build objects of a program. A spec has only text, numbers, lists and mappings.",
        "name: !!python/name:os.system LeNet-5\n",
    ),
    Code(
        "E019",
        "a key that is no name",
        "The keys of a spec are words; a list, a mapping or nothing can't be looked up.",
        "? [name, title]\n: LeNet-5\n",
    ),
    Code(
        "E020",
        "a number out of range",
        "Infinity, not-a-number and integers that a float can't hold exactly are no sizes, rates or seeds.",
        "training: {learning_rate: 1e999}\n",
    ),
    Code(
        "E021",
        "too many levels",
        "Nothing in a spec is that deep; thousands of brackets are a broken file. `--limit depth=LEVELS` raises it.",
        "layers: " + "[" * 65 + "]" * 65 + "\n",
    ),
    Code(
        "E022",
        "too many values",
        "The bound keeps the time and the memory for a file small. `--limit nodes=COUNT` raises it. The example would "
        "have a million values.",
        "",
    ),
    Code(
        "E023",
        "a value that is too long",
        "Only a pasted `table:` is that long; keys end at 1024 characters, in YAML itself. `--limit scalar=CHARACTERS` "
        "raises the bound. The example would have four thousand characters.",
        "",
    ),
)
"""Every code from E001 to E029."""
