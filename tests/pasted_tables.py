"""Tables as textbooks, papers, blogs and frameworks print them, with the numbers that they publish."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pasted:
    """A table, its file's suffix, and what is true of it: parameters, and the shapes of some rows by position."""

    name: str
    text: str
    parameters: int
    shapes: dict[int, str]
    suffix: str = "md"
    input: str | None = None
    """for a table without a row for the input: what the spec around it says"""
    notes: tuple[str, ...] = ()
    """the codes of what archspec says about it"""


_LENET = {0: "6x28x28", 1: "6x14x14", 2: "16x10x10", 3: "16x5x5", 4: "120x1x1", 5: "84", 6: "10"}
_ALEXNET = {0: "96x55x55", 1: "96x27x27", 2: "256x27x27", 3: "256x13x13", 4: "384x13x13", 6: "256x13x13", 7: "256x6x6"}
_VGG16 = {0: "64x224x224", 2: "64x112x112", 5: "128x56x56", 9: "256x28x28", 13: "512x14x14", 17: "512x7x7"}
LENET, LENET_RBF, ALEXNET, VGG16 = 61_706, 61_696, 62_378_344, 138_357_544
ZFNET = 62_357_608  # one tower: 14,208 + 614,656 + 885,120 + 1,327,488 + 884,992 + 37,752,832 + 16,781,312 + 4,097,000
NIN = 966_986
ALL_CNN = 1_369_738
FASHION = 1_413_834  # 3,200 + 73,856 + 147,584 + 295,168 + 590,080 + 295,040 + 8,256 + 650

TABLES = (
    Pasted(
        "lenet-markdown-without-outer-pipes-top-down",
        """\
Layer | Type | Maps | Size | Kernel size | Stride | Activation
:-----|:----:|-----:|------|-------------|--------|-----------
In | Input | 1 | 32 × 32 | – | – | –
C1 | Convolution | 6 | 28 × 28 | 5 × 5 | 1 | tanh
S2 | Avg pooling | 6 | 14 × 14 | 2 × 2 | 2 | tanh
C3 | Convolution | 16 | 10 × 10 | 5 × 5 | 1 | tanh
S4 | Avg pooling | 16 | 5 × 5 | 2 × 2 | 2 | tanh
C5 | Convolution | 120 | 1 × 1 | 5 × 5 | 1 | tanh
F6 | Fully connected | – | 84 | – | – | tanh
Out | Fully connected | – | 10 | – | – | RBF
""",
        LENET_RBF,
        _LENET,
    ),
    Pasted(
        "lenet-blog-with-an-index-and-a-nameless-column",
        """\
| Layer  |                 | Feature Map | Size  | Kernel Size | Stride | Activation |
|--------|-----------------|-------------|-------|-------------|--------|------------|
| Input  | Image           | 1           | 32x32 | -           | -      | -          |
| 1      | Convolution     | 6           | 28x28 | 5x5         | 1      | tanh       |
| 2      | Average Pooling | 6           | 14x14 | 2x2         | 2      | tanh       |
| 3      | Convolution     | 16          | 10x10 | 5x5         | 1      | tanh       |
| 4      | Average Pooling | 16          | 5x5   | 2x2         | 2      | tanh       |
| 5      | Convolution     | 120         | 1x1   | 5x5         | 1      | tanh       |
| 6      | FC              | -           | 84    | -           | -      | tanh       |
| Output | FC              | -           | 10    | -           | -      | softmax    |
""",
        LENET,
        _LENET,
    ),
    Pasted(
        "lenet-csv-with-quotes",
        """\
Layer,Type,Filters,Output size,Kernel size,Stride,Activation
Input,Input,1,"32, 32",,,
C1,Conv2D,6,"28, 28","5, 5","1",tanh
S2,AveragePooling2D,6,"14, 14","2, 2",2,
C3,Conv2D,16,"10, 10","(5, 5)",1,tanh
S4,AveragePooling2D,16,"5, 5","(2, 2)",2,
C5,Conv2D,120,"1, 1","(5, 5)",1,tanh
F6,Dense,84,,,,tanh
Out,Dense,10,,,,softmax
""",
        LENET,
        _LENET,
        "csv",
    ),
    Pasted(
        "lenet-semicolons",
        """\
Layer;Type;Maps;Size;Kernel;Stride
In;Input;1;32x32;;
C1;Convolution;6;28x28;5;1
S2;Avg. pooling;6;14x14;2;2
C3;Convolution;16;10x10;5;1
S4;Avg. pooling;16;5x5;2;2
C5;Convolution;120;1x1;5;1
F6;Fully-connected;84;;;
Out;Fully-connected;10;;;
""",
        LENET,
        _LENET,
        "csv",
    ),
    Pasted(
        "lenet-tsv-bottom-up",
        "#\tLayer\tOperation\tMaps\tSize\tKernel\tStride\tNon-linearity\n"
        "7\tOut\tFC\t\t10\t\t\tSoftmax\n"
        "6\tF6\tFC\t\t84\t\t\tTanh\n"
        "5\tC5\tConv\t120\t1×1\t5×5\t1\tTanh\n"
        "4\tS4\tAvg pool\t16\t5×5\t2×2\t2\tNone\n"
        "3\tC3\tConv\t16\t10×10\t5×5\t1\tTanh\n"
        "2\tS2\tAvg pool\t6\t14×14\t2×2\t2\tNone\n"
        "1\tC1\tConv\t6\t28×28\t5×5\t1\tTanh\n"
        "0\tIn\tInput\t1\t32×32\t\t\tNone\n",
        LENET,
        _LENET,
        "tsv",
    ),
    Pasted(
        "lenet-columns-two-spaces-apart-with-empty-cells",
        """\
Table 5.1: The layers of LeNet-5

Layer  Type             Maps  Size   Kernel size  Stride  Activation
In     Input            1     32x32
C1     Convolution      6     28x28  5x5          1       tanh
S2     Average pooling  6     14x14  2x2          2
C3     Convolution      16    10x10  5x5          1       tanh
S4     Average pooling  16    5x5    2x2          2
C5     Convolution      120   1x1    5x5          1       tanh
F6     Fully connected        84                          tanh
Out    Fully connected        10                          softmax
Total params: 61,706
Source: adapted from the paper of 1998.
""",
        LENET,
        _LENET,
        notes=("N502",),
    ),
    Pasted(
        "lenet-with-parameters-and-connections",
        """\
## LeNet-5

The table lists every layer with its trainable parameters.

| Layer | Layer type      | Feature maps | Output size | Kernel | Stride | # Parameters            | # Connections |
|:-----:|:---------------:|:------------:|:-----------:|:------:|:------:|:-----------------------:|:-------------:|
| Input | Input           | 1            | 32×32       |        |        | 0                       |               |
| **C1**| Convolution     | 6            | 28×28       | 5×5    | 1      | (5\\*5\\*1 + 1)\\*6 = 156  | 122,304       |
| **S2**| Average pooling | 6            | 14×14       | 2×2    | 2      | 0                       |               |
| **C3**| Convolution     | 16           | 10×10       | 5×5    | 1      | 2,416                   | 241,600       |
| **S4**| Average pooling | 16           | 5×5         | 2×2    | 2      | 0                       |               |
| **C5**| Convolution     | 120          | 1×1         | 5×5    | 1      | 48,120                  | 48,120        |
| **F6**| Fully connected | 84           |             |        |        | 10,164                  | 10,164        |
| *Out* | Fully connected | 10           |             |        |        | 850                     | 850           |
| Total |                 |              |             |        |        | 61,706                  |               |

Sizes are height × width.
""",
        LENET,
        _LENET,
        notes=("W501",),
    ),
    Pasted(
        "lenet-trainable-subsampling",
        """\
| Layer | Type | Maps | Size | Kernel | Params |
|---|---|---|---|---|---|
| In | Input | 1 | 32x32 | - | - |
| C1 | Convolution | 6 | 28x28 | 5x5 | 156 |
| S2 | Subsampling | 6 | 14x14 | 2x2 | 12 |
| C3 | Convolution | 16 | 10x10 | 5x5 | 2416 |
| S4 | Sub-sampling | 16 | 5x5 | 2x2 | 32 |
| C5 | Convolution | 120 | 1x1 | 5x5 | 48120 |
| F6 | Full connection | 84 | - | - | 10164 |
| OUTPUT | RBF | 10 | - | - | 840 |
""",
        156 + 12 + 2416 + 32 + 48120 + 10164 + 840,
        _LENET,
    ),
    Pasted(
        "lenet-maps-at-size",
        """\
| Layer | Output | Kernel | Stride |
|-------|--------|--------|--------|
| Input | 1@32x32 | | |
| Convolution C1 | 6@28x28 | 5x5 | |
| Avg pooling S2 | 6@14x14 | 2x2 | |
| Convolution C3 | 16@10x10 | 5x5 | |
| Avg pooling S4 | 16@5x5 | 2x2 | |
| Convolution C5 | 120@1x1 | 5x5 | |
| Fully connected F6 | 84 | | |
| Fully connected | 10 | | |
""",
        LENET,
        _LENET,
    ),
    Pasted(
        "alexnet-blog",
        """\
| Layer  |                 | Feature Map | Size          | Kernel Size | Stride | Activation |
|--------|-----------------|-------------|---------------|-------------|--------|------------|
| Input  | Image           | 1           | 227 x 227 x 3 | -           | -      | -          |
| 1      | Convolution     | 96          | 55 x 55 x 96  | 11x11       | 4      | relu       |
|        | Max Pooling     | 96          | 27 x 27 x 96  | 3x3         | 2      | relu       |
| 2      | Convolution     | 256         | 27 x 27 x 256 | 5x5         | 1      | relu       |
|        | Max Pooling     | 256         | 13 x 13 x 256 | 3x3         | 2      | relu       |
| 3      | Convolution     | 384         | 13 x 13 x 384 | 3x3         | 1      | relu       |
| 4      | Convolution     | 384         | 13 x 13 x 384 | 3x3         | 1      | relu       |
| 5      | Convolution     | 256         | 13 x 13 x 256 | 3x3         | 1      | relu       |
|        | Max Pooling     | 256         | 6 x 6 x 256   | 3x3         | 2      | relu       |
| 6      | FC              | -           | 4096          | -           | -      | relu       |
| 7      | FC              | -           | 4096          | -           | -      | relu       |
| Output | FC              | -           | 1000          | -           | -      | Softmax    |
""",
        ALEXNET,
        _ALEXNET,
        notes=("W502", "N501"),
    ),
    Pasted(
        "alexnet-pytorch-names",
        """\
| Name | Layer | Out channels | Kernel size | Stride | Padding | Output shape |
|---|---|---|---|---|---|---|
| input | Input | | | | | (3, 227, 227) |
| conv1 | `Conv2d` | 96 | (11, 11) | (4, 4) | (0, 0) | (96, 55, 55) |
| relu1 | `ReLU` | | | | | (96, 55, 55) |
| pool1 | `MaxPool2d` | | (3, 3) | (2, 2) | 0 | (96, 27, 27) |
| conv2 | `Conv2d` | 256 | (5, 5) | (1, 1) | (2, 2) | (256, 27, 27) |
| relu2 | `ReLU` | | | | | (256, 27, 27) |
| pool2 | `MaxPool2d` | | (3, 3) | (2, 2) | 0 | (256, 13, 13) |
| conv3 | `Conv2d` | 384 | (3, 3) | (1, 1) | (1, 1) | (384, 13, 13) |
| conv4 | `Conv2d` | 384 | (3, 3) | (1, 1) | (1, 1) | (384, 13, 13) |
| conv5 | `Conv2d` | 256 | (3, 3) | (1, 1) | 1x1 | (256, 13, 13) |
| pool5 | `MaxPool2d` | | (3, 3) | (2, 2) | 0 | (256, 6, 6) |
| drop6 | `Dropout(p=0.5)` | | | | | (256, 6, 6) |
| fc6 | `Linear` | 4096 | | | | (4096,) |
| fc7 | `Linear` | 4096 | | | | (4096) |
| fc8 | `Linear` | 1000 | | | | 1000 |
""",
        ALEXNET,
        {0: "96x55x55", 2: "96x27x27", 6: "384x13x13", 9: "256x6x6", 13: "1000"},
    ),
    Pasted(
        "alexnet-with-lrn-rounded-parameters-and-units",
        """\
Layer        | Filter size | # Filters   | Stride | Padding | Output          | Params
-------------|-------------|-------------|--------|---------|-----------------|-------
Input        | -           | -           | -      | -       | 227×227×3       | -
Conv1 + ReLU | 11×11×3     | 96 filters  | 4      | 0       | 55×55×96        | 35K
LRN          | -           | -           | -      | -       | 55×55×96        | -
MaxPool1     | 3×3         | -           | 2      | 0       | 27×27×96        | -
Conv2 + ReLU | 5×5×96      | 256 filters | 1      | 2       | 27×27×256       | 614K
LRN          | -           | -           | -      | -       | 27×27×256       | -
MaxPool2     | 3×3         | -           | 2      | 0       | 13×13×256       | -
Conv3 + ReLU | 3×3×256     | 384 filters | 1      | 1       | 13×13×384       | 885K
Conv4 + ReLU | 3×3×384     | 384 filters | 1      | 1       | 13×13×384       | 1.3M
Conv5 + ReLU | 3×3×384     | 256 filters | 1      | 1       | 13×13×256       | 885K
MaxPool3     | 3×3         | -           | 2      | 0       | 6×6×256         | -
FC6 + ReLU   | -           | -           | -      | -       | 4,096 neurons   | 37.7M
Dropout 0.5  | -           | -           | -      | -       | 4,096           | -
FC7 + ReLU   | -           | -           | -      | -       | 4,096 neurons   | 16.8M
Dropout 50%  | -           | -           | -      | -       | 4,096           | -
FC8          | -           | -           | -      | -       | 1,000 classes   | 4.1M
Softmax      | -           | -           | -      | -       | 1,000           | -
""",
        ALEXNET,
        {0: "96x55x55", 1: "96x55x55", 2: "96x27x27", 9: "256x6x6", 11: "4096", 15: "1000"},
        notes=("W502",),
    ),
    Pasted(
        "alexnet-size-and-stride-in-one-column",
        """\
| Layer | Type | Filters | Size/Stride | Output |
|-------|------|---------|-------------|--------|
| 0 | Input | | | 227 x 227 x 3 |
| 1 | Conv | 96 | 11x11/4 | 55 x 55 x 96 |
| 2 | Max pool | | 3x3/2 | 27 x 27 x 96 |
| 3 | Conv | 256 | 5x5/1 | 27 x 27 x 256 |
| 4 | Max pool | | 3x3/2 | 13 x 13 x 256 |
| 5 | Conv | 384 | 3x3 | 13 x 13 x 384 |
| 6 | Conv | 384 | 3x3 | 13 x 13 x 384 |
| 7 | Conv | 256 | 3x3, stride 1, pad 1 | 13 x 13 x 256 |
| 8 | Max pool | | 3x3, s2 | 6 x 6 x 256 |
| 9 | FC | 4096 | | 1 x 1 x 4096 |
| 10 | FC | 4096 | | 1 x 1 x 4096 |
| 11 | FC | 1000 | | 1 x 1 x 1000 |
""",
        ALEXNET,
        _ALEXNET,
        notes=("N501",),
    ),
    Pasted(
        "zfnet-without-padding",
        """\
| Layer | Type | Maps | Size | Kernel size | Stride | Activation |
|-------|------|------|------|-------------|--------|------------|
| Out | Fully connected | n/a | 1,000 | n/a | n/a | Softmax |
| F10 | Fully connected | n/a | 4,096 | n/a | n/a | ReLU |
| F9 | Fully connected | n/a | 4,096 | n/a | n/a | ReLU |
| S8 | Max pooling | 256 | 6 x 6 | 3 x 3 | 2 | n/a |
| C7 | Convolution | 256 | 13 x 13 | 3 x 3 | 1 | ReLU |
| C6 | Convolution | 384 | 13 x 13 | 3 x 3 | 1 | ReLU |
| C5 | Convolution | 384 | 13 x 13 | 3 x 3 | 1 | ReLU |
| S4 | Max pooling | 256 | 13 x 13 | 3 x 3 | 2 | n/a |
| C3 | Convolution | 256 | 26 x 26 | 5 x 5 | 2 | ReLU |
| S2 | Max pooling | 96 | 55 x 55 | 3 x 3 | 2 | n/a |
| C1 | Convolution | 96 | 110 x 110 | 7 x 7 | 2 | ReLU |
| In | Input | 3 (RGB) | 224 x 224 | n/a | n/a | n/a |
""",
        ZFNET,
        {0: "96x110x110", 1: "96x55x55", 2: "256x26x26", 3: "256x13x13", 4: "384x13x13", 7: "256x6x6"},
        notes=("N501",),
    ),
    Pasted(
        "vgg-in-its-own-words",
        """\
| Layer     | Output size   |
|-----------|---------------|
| input     | 224 x 224 x 3 |
| conv3-64  | 224 x 224 x 64 |
| conv3-64  | 224 x 224 x 64 |
| maxpool   | 112 x 112 x 64 |
| conv3-128 | 112 x 112 x 128 |
| conv3-128 | 112 x 112 x 128 |
| maxpool   | 56 x 56 x 128 |
| conv3-256 | 56 x 56 x 256 |
| conv3-256 | 56 x 56 x 256 |
| conv3-256 | 56 x 56 x 256 |
| maxpool   | 28 x 28 x 256 |
| conv3-512 | 28 x 28 x 512 |
| conv3-512 | 28 x 28 x 512 |
| conv3-512 | 28 x 28 x 512 |
| maxpool   | 14 x 14 x 512 |
| conv3-512 | 14 x 14 x 512 |
| conv3-512 | 14 x 14 x 512 |
| conv3-512 | 14 x 14 x 512 |
| maxpool   | 7 x 7 x 512 |
| FC-4096   | - |
| FC-4096   | - |
| FC-1000   | - |
| soft-max  | - |
""",
        VGG16,
        _VGG16,
        notes=("N501", "N502"),
    ),
    Pasted(
        "vgg-keras-summary",
        """\
Model: "vgg16"
_________________________________________________________________
 Layer (type)                Output Shape              Param #
=================================================================
 input_1 (InputLayer)        [(None, 224, 224, 3)]     0

 block1_conv1 (Conv2D)       (None, 224, 224, 64)      1792

 block1_conv2 (Conv2D)       (None, 224, 224, 64)      36928

 block1_pool (MaxPooling2D)  (None, 112, 112, 64)      0

 block2_conv1 (Conv2D)       (None, 112, 112, 128)     73856

 block2_conv2 (Conv2D)       (None, 112, 112, 128)     147584

 block2_pool (MaxPooling2D)  (None, 56, 56, 128)       0

 block3_conv1 (Conv2D)       (None, 56, 56, 256)       295168

 block3_conv2 (Conv2D)       (None, 56, 56, 256)       590080

 block3_conv3 (Conv2D)       (None, 56, 56, 256)       590080

 block3_pool (MaxPooling2D)  (None, 28, 28, 256)       0

 block4_conv1 (Conv2D)       (None, 28, 28, 512)       1180160

 block4_conv2 (Conv2D)       (None, 28, 28, 512)       2359808

 block4_conv3 (Conv2D)       (None, 28, 28, 512)       2359808

 block4_pool (MaxPooling2D)  (None, 14, 14, 512)       0

 block5_conv1 (Conv2D)       (None, 14, 14, 512)       2359808

 block5_conv2 (Conv2D)       (None, 14, 14, 512)       2359808

 block5_conv3 (Conv2D)       (None, 14, 14, 512)       2359808

 block5_pool (MaxPooling2D)  (None, 7, 7, 512)         0

 flatten (Flatten)           (None, 25088)             0

 fc1 (Dense)                 (None, 4096)              102764544

 fc2 (Dense)                 (None, 4096)              16781312

 predictions (Dense)         (None, 1000)              4097000

=================================================================
Total params: 138,357,544
Trainable params: 138,357,544
Non-trainable params: 0
_________________________________________________________________
""",
        VGG16,
        {**_VGG16, 18: "25088", 21: "1000"},
        notes=("N501",),
    ),
    Pasted(
        "mnist-keras-3-summary",
        """\
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ conv2d (Conv2D)                 │ (None, 26, 26, 32)     │           320 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d (MaxPooling2D)    │ (None, 13, 13, 32)     │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv2d_1 (Conv2D)               │ (None, 11, 11, 64)     │        18,496 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ flatten (Flatten)               │ (None, 7744)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dropout (Dropout)               │ (None, 7744)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 10)             │        77,450 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 96,266 (376.04 KB)
 Trainable params: 96,266 (376.04 KB)
 Non-trainable params: 0 (0.00 B)
""",
        320 + 18_496 + 77_450,
        {0: "32x26x26", 1: "32x13x13", 2: "64x11x11", 3: "7744", 5: "10"},
        input="1x28x28",
        notes=("N501",),
    ),
    Pasted(
        "keras-2-with-batch-norm-and-wrapped-names",
        """\
Layer (type)                 Output Shape              Param #
=================================================================
input_1 (InputLayer)         [(None, 32, 32, 3)]       0
_________________________________________________________________
conv2d (Conv2D)              (None, 32, 32, 16)        432
_________________________________________________________________
batch_normalization (BatchNo (None, 32, 32, 16)        64
rmalization)
_________________________________________________________________
re_lu (ReLU)                 (None, 32, 32, 16)        0
_________________________________________________________________
average_pooling2d (AveragePo (None, 16, 16, 16)        0
oling2D)
_________________________________________________________________
global_average_pooling2d (Gl (None, 16)                0
obalAveragePooling2D)
_________________________________________________________________
dense (Dense)                (None, 10)                170
=================================================================
Total params: 666
Trainable params: 634
Non-trainable params: 32
""",
        634,
        {0: "16x32x32", 1: "16x32x32", 3: "16x16x16", 4: "16x1x1", 5: "10"},
        notes=("N501",),
    ),
    Pasted(
        "dcgan-torchsummary",
        """\
----------------------------------------------------------------
        Layer (type)               Output Shape         Param #
================================================================
   ConvTranspose2d-1            [-1, 512, 4, 4]         819,200
       BatchNorm2d-2            [-1, 512, 4, 4]           1,024
              ReLU-3            [-1, 512, 4, 4]               0
   ConvTranspose2d-4            [-1, 256, 8, 8]       2,097,152
       BatchNorm2d-5            [-1, 256, 8, 8]             512
              ReLU-6            [-1, 256, 8, 8]               0
   ConvTranspose2d-7          [-1, 128, 16, 16]         524,288
       BatchNorm2d-8          [-1, 128, 16, 16]             256
              ReLU-9          [-1, 128, 16, 16]               0
  ConvTranspose2d-10           [-1, 64, 32, 32]         131,072
      BatchNorm2d-11           [-1, 64, 32, 32]             128
             ReLU-12           [-1, 64, 32, 32]               0
  ConvTranspose2d-13            [-1, 3, 64, 64]           3,072
             Tanh-14            [-1, 3, 64, 64]               0
================================================================
Total params: 3,576,704
Trainable params: 3,576,704
Non-trainable params: 0
----------------------------------------------------------------
Input size (MB): 0.00
Forward/backward pass size (MB): 3.00
Params size (MB): 13.64
Estimated Total Size (MB): 16.64
----------------------------------------------------------------
""",
        3_576_704,
        {0: "512x4x4", 3: "256x8x8", 6: "128x16x16", 9: "64x32x32", 12: "3x64x64"},
        input="100x1x1",
        notes=("N501",),
    ),
    Pasted(
        "dcgan-generator",
        """\
| Layer | Type                   | Filters | Kernel | Stride | Output      | Activation |
|-------|------------------------|---------|--------|--------|-------------|------------|
| z     | Input                  |         |        |        | 1 × 1 × 100 |            |
| G1    | Transposed convolution | 512     | 4 × 4  | 1      | 4 × 4 × 512 | ReLU       |
| G2    | Deconv                 | 256     | 4 × 4  | 2      | 8 × 8 × 256 | ReLU       |
| G3    | ConvTranspose2d        | 128     | 4 × 4  | 2      | 16 × 16 × 128 | ReLU     |
| G4    | Conv2DTranspose        | 64      | 4 × 4  | 2      | 32 × 32 × 64 | ReLU      |
| G5    | Fractionally-strided convolution | 3 | 4 × 4 | 2    | 64 × 64 × 3 | Tanh       |
""",
        819_712 + 2_097_408 + 524_416 + 131_136 + 3_075,
        {0: "512x4x4", 1: "256x8x8", 4: "3x64x64"},
        notes=("N501",),
    ),
    Pasted(
        "dcgan-with-a-projection",
        """\
| Layer | Type | Output | Kernel | Stride | Activation |
|-------|------|--------|--------|--------|------------|
| In | Input | 100 | | | |
| P | Dense | 16384 | | | |
| R | Reshape | 4x4x1024 | | | |
| G1 | Deconvolution | 8x8x512 | 5x5 | 2 | ReLU |
| G2 | Deconvolution | 16x16x256 | 5x5 | 2 | ReLU |
| G3 | Deconvolution | 32x32x3 | 5x5 | 2 | Tanh |
""",
        100 * 16384 + 16384 + 1024 * 512 * 25 + 512 + 512 * 256 * 25 + 256 + 256 * 3 * 25 + 3,
        {1: "1024x4x4", 2: "512x8x8", 4: "3x32x32"},
        notes=("N501",),
    ),
    Pasted(
        "dcgan-discriminator",
        """\
| Layer | Output size | Kernel | Stride | Padding | Activation |
|---|---|---|---|---|---|
| Input | 64x64x3 | | | | |
| Conv | 32x32x64 | 4x4 | 2 | 1 | Leaky ReLU (0.2) |
| Conv + BN | 16x16x128 | 4x4 | 2 | 1 | LeakyReLU(0.2) |
| Conv + Batch Norm | 8x8x256 | 4x4 | 2 | 1 | LReLU, slope 0.2 |
| Conv-BN-LeakyReLU(0.2) | 4x4x512 | 4x4 | 2 | 1 | |
| Conv | 1x1x1 | 4x4 | 1 | 0 | Sigmoid |
""",
        (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) * 16 + 64 + (128 + 256 + 512) * 3 + 1,
        {0: "64x32x32", 3: "512x4x4", 4: "1x1x1"},
    ),
    Pasted(
        "nin-cifar",
        """\
| Layer | Type | Feature maps | Kernel | Stride | Pad | Output |
|-------|------|--------------|--------|--------|-----|--------|
| data  | Input | 3 | | | | 32x32 |
| conv1 | Conv + ReLU | 192 | 5x5 | 1 | 2 | 32x32 |
| cccp1 | 1x1 conv + ReLU | 160 | | | | 32x32 |
| cccp2 | 1×1 Conv + ReLU | 96 | | | | 32x32 |
| pool1 | Max pool | | 3x3 | 2 | | 16x16 |
| drop1 | Dropout (50%) | | | | | 16x16 |
| conv2 | Conv + ReLU | 192 | 5x5 | 1 | 2 | 16x16 |
| cccp3 | Conv 1x1, ReLU | 192 | | | | 16x16 |
| cccp4 | Conv 1x1 + ReLU | 192 | | | | 16x16 |
| pool2 | Avg pool | | 3x3 | 2 | | 8x8 |
| drop2 | Dropout, p=0.5 | | | | | 8x8 |
| conv3 | Conv + ReLU | 192 | 3x3 | 1 | 1 | 8x8 |
| cccp5 | Conv 1x1 + ReLU | 192 | | | | 8x8 |
| cccp6 | Conv 1x1 + ReLU | 10 | | | | 8x8 |
| pool3 | Global average pooling | 10 | | | | 1x1 |
| prob | Softmax | 10 | | | | |
""",
        NIN,
        {0: "192x32x32", 3: "96x16x16", 8: "192x8x8", 12: "10x8x8", 13: "10x1x1"},
        notes=("N501",),
    ),
    Pasted(
        "all-cnn-c-without-sizes",
        """\
Layer,Operation,Filters,Kernel,Stride,Padding,Activation,Output shape
in,Input image,3,,,,,32x32
1,Conv,96,3x3,1,SAME,ReLU,
2,Conv,96,3x3,1,"same",ReLU,
3,Conv,96,3x3,2,same,ReLU,16x16
4,Conv,192,3x3,1,same,ReLU,
5,Conv,192,3x3,1,same,ReLU,
6,Conv,192,3x3,2,same,ReLU,8x8
7,Conv,192,3x3,1,VALID,ReLU,6x6
8,Conv,192,1x1,1,0,ReLU,6x6
9,Conv,10,1x1,1,0,ReLU,6x6
10,Global avg pool,,,,,,10
11,Softmax,,,,,,10
""",
        ALL_CNN,
        {0: "96x32x32", 2: "96x16x16", 6: "192x6x6", 8: "10x6x6", 9: "10x1x1"},
        "csv",
    ),
    Pasted(
        "fashion-mnist",
        """\
Layer      Type         Filters  Kernel  Padding  Output size  Activation
input      Input        1        -       -        28 x 28      -
conv1      Conv2D       64       7       same     28 x 28      ReLU
pool1      MaxPool2D    -        2       -        14 x 14      -
conv2      Conv2D       128      3       same     14 x 14      ReLU
conv3      Conv2D       128      3       same     14 x 14      ReLU
pool2      MaxPool2D    -        2       -        7 x 7        -
conv4      Conv2D       256      3       same     7 x 7        ReLU
conv5      Conv2D       256      3       same     7 x 7        ReLU
pool3      MaxPool2D    -        2       -        3 x 3        -
flat       Flatten      -        -       -        2 304        -
dense1     Dense        128      -       -        128          ReLU
drop1      Dropout      -        -       -        128          -
dense2     Dense        64       -       -        64           ReLU
drop2      Dropout      -        -       -        64           -
out        Dense        10       -       -        10           Softmax
""",
        FASHION,
        {0: "64x28x28", 1: "64x14x14", 4: "128x7x7", 7: "256x3x3", 8: "2304", 13: "10"},
    ),
    Pasted(
        "fashion-mnist-filters-and-units-and-a-dropout-column",
        """\
| No. | Layer | Filters | Units | Filter size | Padding | Activation | Dropout |
|----:|-------|---------|-------|-------------|---------|------------|---------|
| 1 | Conv | 64 | | 7x7 | same | ReLU | |
| 2 | Max pool | | | 2x2 | | | |
| 3 | Conv | 128 | | 3x3 | same | ReLU | |
| 4 | Conv | 128 | | 3x3 | same | ReLU | |
| 5 | Max pool | | | 2x2 | | | |
| 6 | Conv | 256 | | 3x3 | same | ReLU | |
| 7 | Conv | 256 | | 3x3 | same | ReLU | |
| 8 | Max pool | | | 2x2 | | | |
| 9 | Flatten | | | | | | |
| 10 | Dense | | 128 | | | ReLU | 0.5 |
| 11 | Dense | | 64 | | | ReLU | 50 % |
| 12 | Dense | | 10 | | | Softmax | |
""",
        FASHION,
        {0: "64x28x28", 7: "256x3x3", 9: "128", 10: "128", 11: "64", 12: "64", 13: "10"},
        input="1x28x28",
    ),
    Pasted(
        "googlenet-stem",
        """\
| type | patch size/stride | output size | depth |
|------|-------------------|-------------|-------|
| input | | 224×224×3 | |
| convolution | 7×7/2 | 112×112×64 | 1 |
| max pool | 3×3/2 | 56×56×64 | 0 |
| convolution | 1×1/1 | 56×56×64 | 1 |
| convolution | 3×3/1 | 56×56×192 | 1 |
| max pool | 3×3/2 | 28×28×192 | 0 |
""",
        9_472 + 4_160 + 110_784,
        {0: "64x112x112", 1: "64x56x56", 3: "192x56x56", 4: "192x28x28"},
        notes=("W501", "N501"),
    ),
    Pasted(
        "darknet-words",
        """\
Type            Filters  Size/Stride  Output
Input           3                     224 × 224
Convolutional   32       3 × 3        224 × 224
Maxpool                  2 × 2/2      112 × 112
Convolutional   64       3 × 3        112 × 112
Maxpool                  2 × 2/2      56 × 56
Convolutional   128      3 × 3        56 × 56
Convolutional   64       1 × 1        56 × 56
Avgpool                  56 × 56      1 × 1
Softmax
""",
        896 + 18_496 + 73_856 + 8_256,
        {0: "32x224x224", 1: "32x112x112", 5: "64x56x56", 6: "64x1x1"},
        notes=("N501",),
    ),
    Pasted(
        "size-beside-output",
        """\
| Type | Filters | Size | Output |
|------|---------|------|--------|
| Input | 3 | | 256 × 256 |
| Convolutional | 32 | 3 × 3 | 256 × 256 |
| Convolutional | 64 | 3 × 3 / 2 | 128 × 128 |
""",
        896 + 18_496,
        {0: "32x256x256", 1: "64x128x128"},
        notes=("N501",),
    ),
    Pasted(
        "upsampling-decoder-channels-first",
        """\
| Layer | Type | Output | Kernel | Padding |
|---|---|---|---|---|
| in | Input | 8x7x7 | | |
| up1 | UpSampling2D | 8x14x14 | | |
| c1 | Conv2D | 16x14x14 | 3 | same |
| up2 | Upsample | 16x28x28 | | |
| c2 | Conv2D | 1x28x28 | (3, 3) | same |
""",
        8 * 16 * 9 + 16 + 16 * 9 + 1,
        {0: "8x14x14", 1: "16x14x14", 2: "16x28x28", 3: "1x28x28"},
    ),
    Pasted(
        "wide-image-whose-order-other-rows-tell",
        """\
| Layer | Type | Shape | Kernel | Stride | Padding |
|---|---|---|---|---|---|
| in | Input | 100x150x3 | | | |
| c1 | Conv | 100x150x200 | 5x5 | 1 | same |
| p1 | Max pool | 50x75x200 | 2x2 | 2 | |
| gap | Global average pooling | 1x1x200 | | | |
| out | FC | 1x1x5 | | | |
""",
        15_200 + 1_005,
        {0: "200x100x150", 1: "200x50x75", 2: "200x1x1", 3: "5"},
    ),
    Pasted(
        "adaptive-pool-and-groups",
        """\
| Layer | Type | Channels | Kernel | Stride | Groups | Output |
|---|---|---|---|---|---|---|
| in | Input | 3 | | | | 32x32 |
| c1 | Conv | 16 | 3 | 1 | 1 | 32x32 |
| dw | Depthwise conv | 16 | 3 | 2 | | 16x16 |
| c2 | Conv | 32 | 3 | 1 | 4 | 16x16 |
| pool | AdaptiveAvgPool2d | 32 | | | | 4x4 |
| fc | Linear | 10 | | | | |
""",
        448 + 160 + 32 * 4 * 9 + 32 + 32 * 16 * 10 + 10,
        {1: "16x16x16", 3: "32x4x4", 4: "10"},
        notes=("N501",),
    ),
    Pasted(
        "multilayer-perceptron",
        """\
| Layer  | Type  | Units | Activation |
|--------|-------|-------|------------|
| Input  | Input | 784   |            |
| Hidden | Dense | 300   | ReLU       |
| Hidden | Dense | 100   | ReLU       |
| Output | Dense | 10    | Softmax    |
""",
        235_500 + 30_100 + 1_010,
        {0: "300", 1: "100", 2: "10"},
    ),
    Pasted(
        "names-that-say-the-type",
        """\
| Layer | # Filters | Kernel size | Output size |
|---|---|---|---|
| Input | 1 | | 28x28 |
| C1: Convolution | 8 | 5x5 | 24x24 |
| S2 (Max pooling) | 8 | 2x2 | 12x12 |
| Fully connected (F3) | 10 | | |
""",
        208 + 11_530,
        {0: "8x24x24", 1: "8x12x12", 2: "10"},
    ),
    Pasted(
        "filter-shapes-with-input-maps",
        """\
Layer;Filter shape;Stride;Output
Input;;;32x32x3
Conv;3x3x3x16;1;32x32x16
Conv;3x3x16x32;2;16x16x32
Avg pool;16x16;;1x1x32
FC;32x10;;10
""",
        448 + 4_640 + 330,
        {0: "16x32x32", 1: "32x16x16", 2: "32x1x1", 3: "10"},
        "csv",
        notes=("N501",),
    ),
    Pasted(
        "resnet-figure-words",
        """\
| Layer | Output size |
|---|---|
| Input | 3x64x64 |
| 7x7 conv, 64, /2 | 32x32 |
| 3x3 max pool, /2 | 16x16 |
| 3x3 conv, 64 | 16x16 |
| 3x3 conv, 128, /2 | 8x8 |
| global avg pool | 1x1 |
| fc 1000 | |
""",
        9_472 + 36_928 + 73_856 + 129_000,
        {0: "64x32x32", 1: "64x16x16", 3: "128x8x8", 4: "128x1x1", 5: "1000"},
        notes=("N501", "N502"),
    ),
    Pasted(
        "batch-norm-column",
        """\
| Layer | Type | Maps | Kernel | Padding | Batch norm | Activation |
|---|---|---|---|---|---|---|
| C1 | Conv | 8 | 3 | 1 | Yes | ReLU |
| C2 | Conv | 8 | 3 | 1 | - | Linear |
""",
        224 + 16 + 584,
        {0: "8x9x9", 1: "8x9x9"},
        input="3x9x9",
    ),
    Pasted(
        "bottom-up-without-an-input-row",
        """\
| Layer | Type | Maps | Size | Kernel |
|---|---|---|---|---|
| Out | Fully connected | | 10 | |
| S2 | Max pooling | 4 | 4x4 | 2 |
| C1 | Convolution | 4 | 8x8 | 3 |
""",
        40 + 650,
        {0: "4x8x8", 1: "4x4x4", 2: "10"},
        input="1x10x10",
    ),
    Pasted(
        "bare-pipes-with-empty-cells-at-the-edges",
        """\
 | Type | Maps | Size | Kernel
--|--|--|--|--
 | Input | 3 | 16x16 |
C1 | Conv | 4 | 14x14 | 3
 | Max pool | | 7x7 | 2
F3 | FC | 2 | |
""",
        112 + 4 * 7 * 7 * 2 + 2,
        {0: "4x14x14", 1: "4x7x7", 2: "2"},
    ),
    Pasted(
        "input-size-in-the-type-and-a-rate-among-the-filters",
        """\
Layer;Filters;Filter size
Input (3x16x16);-;-
Conv 1;4;3 x 3
Dropout 1;rate = 0.25;-
Fully Connected 1;2;-
""",
        112 + 4 * 14 * 14 * 2 + 2,
        {0: "4x14x14", 1: "4x14x14", 2: "2"},
        "csv",
    ),
    Pasted(
        "pandas-index-and-nan",
        """\
|    | layer   | type    | filters   | kernel   | size     |
|---:|:--------|:--------|:----------|:---------|:---------|
|  0 | in      | input   | 3         | -        | 16x16    |
|  1 | conv1   | conv2d  | 4         | 3x3      | 14x14    |
|  2 | fc      | linear  | 2         | -        | -        |
""",
        112 + 4 * 14 * 14 * 2 + 2,
        {0: "4x14x14", 1: "2"},
    ),
)


def mobilenet() -> Pasted:
    """MobileNet v1 as its paper prints it, the five equal pairs written out, and its last stride corrected to 1."""
    pairs = [(32, 64, 1, 112), (64, 128, 2, 112), (128, 128, 1, 56), (128, 256, 2, 56), (256, 256, 1, 28),
             (256, 512, 2, 28), *[(512, 512, 1, 14)] * 5, (512, 1024, 2, 14), (1024, 1024, 1, 7)]  # fmt: skip
    rows = ["Conv / s2 | 3 × 3 × 3 × 32 | 224 × 224 × 3"]
    parameters = 27 * 32 + 32
    size = 0
    for maps, out, stride, size in pairs:
        rows.append(f"Conv dw / s{stride} | 3 × 3 × {maps} dw | {size} × {size} × {maps}")
        size //= stride
        rows.append(f"Conv / s1 | 1 × 1 × {maps} × {out} | {size} × {size} × {maps}")
        parameters += 9 * maps + maps + maps * out + out
    rows += ["Avg Pool / s1 | Pool 7 × 7 | 7 × 7 × 1024", "FC / s1 | 1024 × 1000 | 1 × 1 × 1024"]
    rows.append("Softmax / s1 | Classifier | 1 × 1 × 1000")
    text = "Type / Stride | Filter Shape | Input Size\n---|---|---\n" + "\n".join(rows) + "\n"
    shapes = {
        0: "32x112x112",
        1: "32x112x112",
        2: "64x112x112",
        3: "64x56x56",
        26: "1024x7x7",
        27: "1024x1x1",
        28: "1000",
    }
    return Pasted("mobilenet", text, parameters + 1_025_000, shapes, notes=("N501", "W502"))
