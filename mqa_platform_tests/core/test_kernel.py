"""The declaration of a kernel."""

import pyarrow as pa
import pytest

from mqa_platform.core.kernel import Kernel


def test_a_kernel_says_where_every_output_column_comes_from():
    with pytest.raises(ValueError, match="half_life: lineage and schema differ on \\['points'\\]"):
        Kernel("half_life", lambda table: table, pa.schema([("points", pa.float64())]), {})


def test_the_lineage_of_a_kernel_cannot_be_changed():
    kernel = Kernel("same", lambda table: table, pa.schema([("a", pa.int64())]), {"a": ("a",)})

    with pytest.raises(TypeError):
        kernel.lineage["b"] = ("b",)
