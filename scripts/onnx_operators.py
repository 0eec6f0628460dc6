#!/usr/bin/env python3
"""Lists every version of every operator of the ONNX standard, for tests/ops/onnx_operators.txt.

Needs the onnx package: python3 scripts/onnx_operators.py > tests/ops/onnx_operators.txt
"""

import onnx.defs


def main() -> None:
    rows = {
        (schema.name, schema.since_version)
        for schema in onnx.defs.get_all_schemas_with_history()
        if schema.domain == "" and schema.since_version <= 23
    }
    print("# ONNX operators of the default domain: name, opset that introduced this version (up to 23).")
    print("# Made by scripts/onnx_operators.py.")
    for name, version in sorted(rows):
        print(name, version)


if __name__ == "__main__":
    main()
