#!/usr/bin/env bash
# Builds target/package/blendnet_bridge-VERSION.zip, which Blender installs as an add-on (2.93 to 4.1) and
# as an extension (4.2 and newer). The same files give the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python3 - <<'PYTHON'
import pathlib, re, zipfile

source = pathlib.Path("blender_bridge")
version = re.search(r'^version = "(.+)"$', (source / "blender_manifest.toml").read_text(), re.M).group(1)
out = pathlib.Path("target/package") / f"blendnet_bridge-{version}.zip"
out.parent.mkdir(parents=True, exist_ok=True)
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
    for name in ("__init__.py", "blender_manifest.toml"):
        entry = zipfile.ZipInfo(f"blendnet_bridge/{name}")
        entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
        archive.writestr(entry, (source / name).read_bytes())
print(out)
PYTHON
