"""The codes of data: folders, images, arrays and files that can't be learnt from."""

from __future__ import annotations

from archspec.codes.code import Code

_OUTSIDE = " It is about files beside the spec, so there is no example."

DATA_CODES = (
    Code(
        "E720",
        "data that are not there",
        "No such file or folder, or nothing in it that is an example." + _OUTSIDE,
        "",
    ),
    Code(
        "E721",
        "a file that can't be read",
        "The system does not let archspec read it." + _OUTSIDE,
        "",
    ),
    Code(
        "E722",
        "an image that can't be decoded",
        "It is cut off, damaged or no image at all, or its pixels have no known range. A network is not trained on "
        "what is left of it." + _OUTSIDE,
        "",
    ),
    Code(
        "E723",
        "an IDX file that is malformed",
        "Its header says how many examples of which size follow, and the file has others." + _OUTSIDE,
        "",
    ),
    Code(
        "E724",
        "arrays of another kind or shape",
        "Examples are numbers: (count, height, width), with maps before or behind the sides, or (count, features)."
        + _OUTSIDE,
        "",
    ),
    Code(
        "E725",
        "examples and labels that are not as many",
        "Every example has one label. Where the counts differ, the labels of all that follow may be wrong." + _OUTSIDE,
        "",
    ),
    Code(
        "E726",
        "a label out of range",
        "Labels count from 0; the last class is one less than their number." + _OUTSIDE,
        "",
    ),
    Code(
        "E727",
        "a class that a part of the data lacks",
        "What is never trained can't be tested, and what is never tested is not known to work." + _OUTSIDE,
        "",
    ),
    Code(
        "E728",
        "numbers that are not finite",
        "One NaN in an example makes every weight NaN within a step." + _OUTSIDE,
        "",
    ),
    Code(
        "E729",
        "images of several sizes",
        "The images of a batch have one size: something has to bring them to it." + _OUTSIDE,
        "",
    ),
    Code(
        "E730",
        "examples of another size than the input",
        "What preprocessing gives is what the network takes; archspec does not stretch images unasked." + _OUTSIDE,
        "",
    ),
    Code(
        "E731",
        "as many classes as the output has no units",
        "Each class has a unit of the output." + _OUTSIDE,
        "",
    ),
    Code(
        "E732",
        "data that could not be fetched",
        "The network is not there, or what came is not what its checksum says." + _OUTSIDE,
        "",
    ),
    Code(
        "E733",
        "a package that is not installed",
        "A source of data wants one that archspec itself does without, so there is no example.",
        "",
    ),
    Code(
        "E734",
        "a data set without the part or column",
        "A data set of Hugging Face names its parts and columns itself." + _OUTSIDE,
        "",
    ),
    Code(
        "E735",
        "names that differ in case or spaces alone",
        "On a Mac and on Windows folders whose names differ in case would be one; names of labels that differ in "
        "spaces were meant to be one." + _OUTSIDE,
        "",
    ),
    Code(
        "E736",
        "too few examples to divide",
        "Every class has to be in every part." + _OUTSIDE,
        "",
    ),
    Code(
        "E737",
        "an augmentation that these images can't have",
        "Colours of images that have none, for instance." + _OUTSIDE,
        "",
    ),
    Code(
        "E738",
        "more data than memory",
        "Data are held in memory only where they fit; loading them takes memory for each process." + _OUTSIDE,
        "",
    ),
    Code(
        "E739",
        "a box that is none",
        "A box lies inside of its image and has an area. One that does not is mostly written in another way than the "
        "spec says: pixels in place of fractions, or a size in place of a corner." + _OUTSIDE,
        "",
    ),
    Code(
        "E740",
        "data without what an output learns",
        "The `target` of each output names something that the data have: their label, their boxes, or an array or a "
        "column of that name." + _OUTSIDE,
        "",
    ),
    Code(
        "E741",
        "a stream that breaks",
        "Where the network fails, reading is tried again for a while. The run keeps its last checkpoint, and goes on "
        "from there. A stream that is another than when its labels were read has changed on the hub: `revision` with "
        "a commit holds on to one." + _OUTSIDE,
        "",
    ),
    Code(
        "E742",
        "a data set larger than the disk",
        "A data set of Hugging Face is stored once, and read from there. One that does not fit can be streamed."
        + _OUTSIDE,
        "",
    ),
)
