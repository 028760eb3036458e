"""The reader of pages sees all the code in them."""

from tests.documentation.markdown_blocks import blocks, commands, inline

PAGE = """
# Page

Prose with `steergan train X.toml` and `a.b`.

    steergan sample RUN \\
        --seeds 0-3          # a comment
    more

* a point
  that goes on

```python
x = 1

    # indented, and inside
```

    $ torchrun --nproc-per-node 2 -m steergan_cli train Y.toml --device cuda
"""


def test_blocks_are_found_with_their_languages() -> None:
    assert [block.language for block in blocks(PAGE)] == ["", "python", ""]
    assert blocks(PAGE)[1].text == "x = 1\n\n    # indented, and inside\n"


def test_code_in_sentences_is_found() -> None:
    assert inline(PAGE) == ["steergan train X.toml", "a.b"]


def test_commands_are_found_in_blocks_and_sentences() -> None:
    assert commands(PAGE) == [
        ["steergan", "sample", "RUN", "--seeds", "0-3"],
        ["steergan", "train", "Y.toml", "--device", "cuda"],
        ["steergan", "train", "X.toml"],
    ]
