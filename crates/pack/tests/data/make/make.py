"""Makes the folders of tests/data, each with a scene, its files, and `expected.json`:
`blender`: what Blender lists; `bat`: what `bat list` of Blender Asset Tracer does; `needed`: what a
render needs. All paths are relative to the folder.

    python3 make.py OUT [KIND …]     OUT ends up in the files: take one like /tmp/scenes

`BLENDERS` names the Blenders, such as `3_4=blender 5_0=python-with-bpy`, the first one being the
default; `BAT` the program `bat`.
"""

import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BLENDERS = dict(entry.split("=") for entry in os.environ["BLENDERS"].split())
FIRST = next(iter(BLENDERS))

# What is made by which Blenders; the rest by the first one.
BY = {
    "alembic": ["4_2"],
    "usd": ["4_5"],
    "simulation": ["4_2", "4_5", "5_0"],
    "import_nodes": ["4_5", "5_0"],
    "image": ["3_4", "5_0"],
    "library": ["3_4", "5_0"],
    "sequencer": ["3_4", "4_5", "5_0"],
    "volume": ["3_4", "5_0"],
}
REST = """image_sequence image_movie udim udim_uvtile udim_legacy image_packed letter_case windows_paths non_ascii missing
    library_cycle font sound clip mesh_cache multires ocean cloth point_caches particles_external fluid ies osl
    text""".split()


def run(blender, script, *arguments):
    start = [blender]
    if "python" not in blender:
        start += ["-b", "--factory-startup", "-noaudio", "--python-exit-code", "1", "-P"]
    # The home folder is written into files as where to browse next.
    environment = os.environ | {"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([*start, script, "--", *arguments], check=True, stdout=subprocess.DEVNULL, env=environment)


def listed_by_bat(folder):
    command = [os.environ["BAT"], "list", "--json", os.path.join(folder, "scene.blend")]
    told = subprocess.run(command, capture_output=True, check=True).stdout
    paths = {path for paths in json.loads(told).values() for path in paths}
    return sorted(os.path.relpath(path, folder) for path in paths)


def make(out, kind, version):
    folder = os.path.join(out, kind if version == FIRST else f"{kind}_{version}")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    run(BLENDERS[version], os.path.join(HERE, "inside.py"), kind, folder)
    path = os.path.join(folder, "expected.json")
    with open(path, encoding="utf-8") as file:
        expected = json.load(file)
    expected["bat"] = listed_by_bat(folder)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(expected, file, ensure_ascii=False, indent=1, sort_keys=True)
        file.write("\n")


def main():
    out, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    for kind, versions in (BY | {kind: [FIRST] for kind in REST}).items():
        for version in versions if kind in wanted or not wanted else ():
            make(out, kind, version)


main()
