"""The generator and what it generates: in step with the headers, complete, and strict."""

from __future__ import annotations

import ast
import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import header_parser
import ops_writer
import pytest

import tensorgrad as tg
from tensorgrad import _capi

PYTHON = Path(__file__).resolve().parents[1]
ROOT = PYTHON.parent
INCLUDE = ROOT / "include" / "tensorgrad"
GENERATOR = PYTHON / "tools" / "generate_capi.py"
HEADERS = header_parser.read_headers(INCLUDE)

# C functions that return a tensor and are not operations of one under their own name.
OTHER_NAMES = {
    "tg_cast": "to",
    "tg_index": "__getitem__",
    "tg_index_put_": "__setitem__",
    "tg_max_dim": "max",
    "tg_min_dim": "min",
    "tg_mse_loss": "mse_loss",
    "tg_slice": "__getitem__",
}
# What Python says otherwise: x.clone() and an assignment.
NOT_IN_PYTHON = {"tg_index_put"}
# Short forms for C of operations that tg.ops has: their names there take an attribute or a tensor
# more.
FORMS_FOR_C = frozenset(
    """tg_alibi_slopes tg_bartlett_window tg_blackman_window tg_block_diag tg_broadcast_to
    tg_bucketize tg_clamp_max tg_clamp_max_ tg_clamp_min tg_clamp_min_ tg_clip tg_div_mode
    tg_div_mode_ tg_div_mode_scalar tg_div_mode_scalar_ tg_dropout1d tg_dropout2d tg_dropout3d
    tg_dstack
    tg_embedding_renorm_ tg_hamming_window tg_hann_window tg_hstack tg_index_put_accumulate
    tg_index_put_accumulate_ tg_moveaxis tg_multi_dot tg_norm tg_repeat_interleave_by
    tg_rfloat_power_scalar tg_rfloor_divide_scalar tg_rfmod_scalar tg_rope_angles
    tg_rremainder_scalar tg_rrelu tg_rwhere_scalar tg_rxlog1py_scalar tg_rxlogy_scalar
    tg_scatter_value tg_scatter_value_ tg_swapaxes tg_swapdims tg_tile tg_tril_indices
    tg_triu_indices tg_upsample tg_vstack""".split()
)


def parse(text: str, tmp_path: Path) -> header_parser.Headers:
    (tmp_path / "x.h").write_text(text)
    return header_parser.read_headers(tmp_path)


def generate(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(GENERATOR), "--root", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_committed_files_are_in_step_with_the_headers():
    done = generate(ROOT, "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def copy_of_the_tree(tmp_path: Path) -> Path:
    shutil.copytree(INCLUDE, tmp_path / "include" / "tensorgrad")
    shutil.copytree(PYTHON / "tensorgrad", tmp_path / "python" / "tensorgrad")
    (tmp_path / "src" / "base").mkdir(parents=True)
    shutil.copy(ROOT / "src" / "base" / "abi_hash.h", tmp_path / "src" / "base")
    return tmp_path


def test_check_notices_a_changed_prototype(tmp_path):
    root = copy_of_the_tree(tmp_path)
    assert generate(root, "--check").returncode == 0
    header = root / "include" / "tensorgrad" / "ops_elementwise.h"
    header.write_text(header.read_text().replace("tg_neg(tg_tensor *x)", "tg_neg(int x)"))
    done = generate(root, "--check")
    assert done.returncode == 1
    assert "stale" in done.stdout
    assert "abi_hash.h" in done.stdout
    assert generate(root).returncode == 0
    assert generate(root, "--check").returncode == 0


def test_a_new_operation_gets_its_method_and_function(tmp_path):
    root = copy_of_the_tree(tmp_path)
    header = root / "include" / "tensorgrad" / "ops_elementwise.h"
    new = "/** e**x - 1. Float. */\nTG_API tg_tensor *tg_novel(tg_tensor *x);\n"
    anchor = "/** -x. No bool. */"
    assert anchor in header.read_text()
    header.write_text(header.read_text().replace(anchor, new + anchor))
    assert generate(root).returncode == 0
    text = (root / "python" / "tensorgrad" / "_ops.py").read_text()
    assert "def novel(self) -> Tensor:" in text
    assert "def novel(input: Tensor) -> Tensor:" in text
    assert '"""e**x - 1."""' in text or '"""e**x - 1.' in text
    prototypes = (root / "python" / "tensorgrad" / "_capi.py").read_text()
    assert '"tg_novel": (c_void_p, (c_void_p,), False),' in prototypes


def test_hash_ignores_what_callers_do_not_depend_on(tmp_path):
    one = "typedef struct tg_t tg_t;\n/** Doc. */\nTG_API int tg_f(const tg_t *x, double  y);\n"
    two = "TG_API int\ntg_f(const tg_t* other, double z);\ntypedef struct tg_t tg_t;\n"
    first = header_parser.abi_hash(parse(one, tmp_path))
    assert header_parser.abi_hash(parse(two, tmp_path)) == first


@pytest.mark.parametrize(
    "changed",
    [
        "typedef enum { A = 0, B = 2 } e;\ntypedef struct { int x, y; } s;\nTG_API e tg_f(int x);",
        "typedef enum { A = 0, C = 1 } e;\ntypedef struct { int x, y; } s;\nTG_API e tg_f(int x);",
        "typedef enum { A = 0, B = 1 } e;\ntypedef struct { int y, x; } s;\nTG_API e tg_f(int x);",
        "typedef enum { A = 0, B = 1 } e;\ntypedef struct { int x; } s;\nTG_API e tg_f(int x);",
        "typedef enum { A = 0, B = 1 } e;\ntypedef struct { int x, y; } s;\nTG_API e tg_f(bool x);",
        "typedef enum { A = 0, B = 1 } e;\ntypedef struct { int x, y; } s;\nTG_API int tg_f(int);",
    ],
)
def test_hash_changes_with_what_callers_depend_on(changed, tmp_path):
    text = (
        "typedef enum { A = 0, B = 1 } e;\ntypedef struct { int x, y; } s;\nTG_API e tg_f(int x);"
    )
    assert header_parser.abi_hash(parse(changed, tmp_path)) != header_parser.abi_hash(
        parse(text, tmp_path)
    )


def test_hash_is_fnv_1a(tmp_path):
    headers = parse("TG_API int tg_f(void);\n", tmp_path)
    assert header_parser.normalised_declarations(headers) == ["int tg_f(void)"]
    value = 14695981039346656037
    for byte in b"int tg_f(void)\n":
        value = (value ^ byte) * 1099511628211 % 2**64
    assert header_parser.abi_hash(headers) == value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\nint tg_unmarked(int x);\n", 2),
        ("TG_API int tg_f(int);\nTG_API int tg_f(int);\n", 2),
        ("\n\nTG_API int f(int x);\n", 3),
        ("typedef enum { A = sizeof(int) } e;\n", 1),
        ("TG_API int tg_f(int x)\n", 1),
        ("TG_API int tg_f(unsigned long long x);\n", 1),
    ],
)
def test_parser_names_the_line_of_what_it_does_not_know(text, line, tmp_path):
    with pytest.raises(header_parser.HeaderError, match=rf"x\.h:{line}: "):
        parse(text, tmp_path)


def test_parser_reads_every_construct(tmp_path):
    headers = parse(
        """
        #ifdef __cplusplus
        this is not C
        #else
        #define TG_N 0x10u /**< sixteen */
        #endif
        #define TG_LIST(...) \\
            more(__VA_ARGS__)
        typedef void (*tg_fn)(int level, const char *text);
        typedef uint64_t tg_id;
        typedef struct { // with comments; and a ';' in one
            uint32_t size; /* ; */
            double (*get)(const void *self, tg_tensor *const *list);
            double a, *b;
        } tg_opt;
        #define TG_OPT_INIT {sizeof(tg_opt), NULL, 1e-3, \\
                             NULL}
        typedef enum { TG_A, TG_B = 5, TG_C } tg_e;
        /** One.
         *  Two. */
        TG_API TG_NODISCARD tg_e tg_go(void (*deleter)(void *ctx), const int64_t *sizes);
        """,
        tmp_path,
    )
    assert headers.constants == {"TG_N": 16}
    assert headers.callbacks["tg_fn"].normal() == "void (*)(int, const char *)"
    assert headers.aliases == {"tg_id": "uint64_t"}
    members = [(m.type, m.name) for m in headers.structs["tg_opt"].members]
    assert members == [
        ("uint32_t", "size"),
        ("double (*)(const void *, tg_tensor *const *)", "get"),
        ("double", "a"),
        ("double *", "b"),
    ]
    assert headers.initialisers == {"tg_opt": ("NULL", "1e-3", "NULL")}
    assert headers.enums["tg_e"] == {"TG_A": 0, "TG_B": 5, "TG_C": 6}
    go = headers.functions["tg_go"]
    assert (go.result, go.doc) == ("tg_e", "One.\nTwo.")
    assert [p.type for p in go.params] == ["void (*)(void *)", "const int64_t *"]


def test_every_function_is_bound_as_the_table_says():
    assert _capi.PROTOTYPES.keys() == HEADERS.functions.keys()
    for name, (result, parameters, keeps_lock) in _capi.PROTOTYPES.items():
        function = getattr(_capi, name)
        assert function.restype is result, name
        assert function.argtypes == parameters, name
        assert len(parameters) == len(HEADERS.functions[name].params), name
        kept = bool(type(function)._flags_ & 4)  # FUNCFLAG_PYTHONAPI
        assert kept == keeps_lock, name


def test_library_has_the_hash_of_the_headers():
    assert header_parser.abi_hash(HEADERS) == _capi.ABI_HASH
    assert _capi.tg_abi_hash() == _capi.ABI_HASH
    assert _capi.tg_version().decode() == _capi.VERSION == tg.__version__


def test_options_begin_with_the_defaults():
    for name in HEADERS.initialisers:
        options = getattr(_capi, name).init()
        assert options.size == ctypes.sizeof(options), name
    assert _capi.tg_adam_options.init().beta2 == 0.999
    assert _capi.tg_csv_options.init().separator == ord(",")


def test_stub_declares_the_same_names():
    stub = ast.parse((PYTHON / "tensorgrad" / "_capi.pyi").read_text())
    names = {node.name for node in stub.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names |= {node.target.id for node in stub.body if isinstance(node, ast.AnnAssign)}
    public = {name for name in vars(_capi) if name.startswith(("tg_", "TG_"))}
    assert public == {name for name in names if name.startswith(("tg_", "TG_"))}


def test_every_operation_has_its_method_or_function():
    missing = []
    for name, function in HEADERS.functions.items():
        if not function.header.startswith("ops_") or function.result != ops_writer.TENSOR:
            continue
        python_name = OTHER_NAMES.get(name, name[len("tg_") :].replace("_scalar", ""))
        if python_name in ("rsub", "rdiv", "rpow"):
            python_name = {"rdiv": "__rtruediv__"}.get(python_name, f"__{python_name}__")
        reachable = hasattr(tg.Tensor, python_name) or hasattr(tg, python_name)
        if not reachable and python_name.rstrip("_") not in tg.ops.names():
            missing.append(name)
    missing = [name for name in missing if name not in NOT_IN_PYTHON | FORMS_FOR_C]
    assert not missing, f"write these by hand: {missing}"
