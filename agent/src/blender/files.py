"""External files: where the artist has them, where they lie here, and which ones a scene needs.

The artist's `/home/ann/x.png` lies in `root/home/ann/x.png`, `C:\\x.png` in `root/C/x.png`.
"""

import os
import posixpath
import re

import bpy

DRIVE = re.compile(r"^([A-Za-z]):(/.*)$")


class Layout:
    """Translates between paths of the artist's machine and of this one."""

    def __init__(self, root, blend):
        self.root = os.path.normpath(root)
        inside = os.path.relpath(os.path.normpath(blend), self.root)
        first = inside.split("/")[0]
        # On Linux a folder `/C` is unheard of; the agent makes it from a drive letter.
        self.windows = len(first) == 1 and first.isupper()
        self.blend = self.of_artist(os.path.normpath(blend))

    def of_artist(self, local):
        """The artist's path of a file that lies in the root."""
        inside = os.path.relpath(local, self.root)
        if self.windows and inside[1:2] == "/":
            return f"{inside[0]}:{inside[1:]}"
        return "/" + inside

    def local(self, artist):
        """Where a file of the artist lies here."""
        drive = DRIVE.match(artist)
        inside = drive.group(1) + drive.group(2) if drive else artist.lstrip("/")
        return posixpath.join(self.root, inside)

    def resolve(self, written, beside=None):
        """The artist's absolute path of a path as written in a file, `beside` being that file."""
        path = written.replace("\\", "/")
        if not written.startswith("\\\\") and path.startswith("//"):
            path = posixpath.join(posixpath.dirname(beside or self.blend), path[2:])
        drive = DRIVE.match(path)
        if drive:
            return f"{drive.group(1).upper()}:{posixpath.normpath(drive.group(2))}"
        if not path.startswith("/"):
            if self.windows:
                return self.resolve("//" + path, beside)
            path = posixpath.join(posixpath.dirname(beside or self.blend), path)
        if path.startswith(self.root + "/"):
            return self.of_artist(posixpath.normpath(path))
        return posixpath.normpath("/" + path.lstrip("/"))


class Reference:
    """A path that is written somewhere in the file."""

    def __init__(self, owner, attribute, kind, used_by, datablock):
        self.owner = owner
        self.attribute = attribute
        self.written = getattr(owner, attribute)
        self.kind = kind
        self.used_by = used_by
        self.datablock = datablock
        self.artist = None


def _image_kind(image):
    kinds = {"FILE": "image", "SEQUENCE": "sequence", "TILED": "udim", "MOVIE": "other"}
    return kinds.get(image.source)


def _is_packed(datablock):
    if getattr(datablock, "packed_file", None) is not None:
        return True
    return len(getattr(datablock, "packed_files", ())) > 0


def _datablocks():
    for image in bpy.data.images:
        kind = _image_kind(image)
        if kind and not _is_packed(image):
            yield image, kind, "Image"
    for clip in bpy.data.movieclips:
        yield clip, "sequence" if clip.source == "SEQUENCE" else "other", "Movie clip"
    for sound in bpy.data.sounds:
        yield sound, "other", "Sound"
    for font in bpy.data.fonts:
        if font.filepath != "<builtin>":
            yield font, "other", "Font"
    for cache in bpy.data.cache_files:
        yield cache, "sequence" if cache.is_sequence else "other", "Cache file"
    for volume in bpy.data.volumes:
        yield volume, "sequence" if volume.is_sequence else "other", "Volume"


def _of_datablocks():
    for datablock, kind, name in _datablocks():
        if datablock.filepath and not _is_packed(datablock):
            yield Reference(datablock, "filepath", kind, f'{name} "{datablock.name}"', datablock)


def _of_nodes():
    owners = [*bpy.data.materials, *bpy.data.worlds, *bpy.data.lights]
    trees = [(owner, owner.node_tree) for owner in owners if owner.node_tree]
    trees += [(group, group) for group in bpy.data.node_groups]
    for owner, tree in trees:
        for node in tree.nodes:
            if node.type in ("TEX_IES", "SCRIPT") and node.mode == "EXTERNAL" and node.filepath:
                used_by = f'Node "{node.name}" of "{owner.name}"'
                yield Reference(node, "filepath", "other", used_by, owner)


def _of_modifier(modifier):
    """Owner, attribute and kind of the paths of a modifier."""
    if modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
        yield modifier.domain_settings, "cache_directory", "directory"
    elif modifier.type == "MESH_CACHE":
        yield modifier, "filepath", "other"
    elif modifier.type == "OCEAN" and modifier.is_cached:
        yield modifier, "filepath", "directory"
    elif modifier.type == "NODES" and hasattr(modifier, "bake_directory"):
        yield modifier, "bake_directory", "directory"
        for bake in modifier.bakes:
            if bake.use_custom_path:
                yield bake, "directory", "directory"


def _of_modifiers():
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            for owner, attribute, kind in _of_modifier(modifier):
                if getattr(owner, attribute):
                    used_by = f'Modifier "{modifier.name}" of "{thing.name}"'
                    yield Reference(owner, attribute, kind, used_by, thing)


def strips(scene):
    editor = scene.sequence_editor
    if editor is None:
        return []
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all


def _of_strips():
    for scene in bpy.data.scenes:
        for strip in strips(scene):
            used_by = f'Strip "{strip.name}"'
            if strip.type == "MOVIE":
                yield Reference(strip, "filepath", "other", used_by, scene)
            elif strip.type == "IMAGE":
                yield Reference(strip, "directory", "directory", used_by, scene)


def references():
    """All paths to files that Blender could read, used or not, but for libraries."""
    for source in (_of_datablocks, _of_nodes, _of_modifiers, _of_strips):
        yield from source()


def point_caches(scene):
    """Caches of particles and physics, with the datablock that has them."""
    for thing in bpy.data.objects:
        for system in thing.particle_systems:
            yield thing, system.point_cache
        for modifier in thing.modifiers:
            if modifier.type in ("CLOTH", "SOFT_BODY"):
                yield thing, modifier.point_cache
            elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings:
                for surface in modifier.canvas_settings.canvas_surfaces:
                    yield thing, surface.point_cache
    if scene.rigidbody_world:
        yield scene, scene.rigidbody_world.point_cache


def reachable(scene):
    """The datablocks that a scene uses, brushes and what only they use left out."""
    uses = {}
    for datablock, users in bpy.data.user_map().items():
        for user in users:
            uses.setdefault(user, []).append(datablock)
    found = {scene}
    waiting = [scene]
    while waiting:
        for datablock in uses.get(waiting.pop(), ()):
            if datablock not in found and not isinstance(datablock, bpy.types.Brush):
                found.add(datablock)
                waiting.append(datablock)
    return found


def load_libraries(layout):
    """Makes every library come from the root; linked libraries can bring more of them."""
    written = {}
    seen = set()
    while True:
        fresh = [lib for lib in bpy.data.libraries if lib.name_full not in seen]
        if not fresh:
            return written
        library = fresh[0]
        seen.add(library.name_full)
        if not library.filepath or library.packed_file or _is_bundled(library):
            continue
        artist = layout.resolve(library.filepath)
        written[library.name_full] = (library.filepath, artist)
        wanted = layout.local(artist)
        if _here(library.filepath, None) != wanted:
            name, as_written = library.name_full, written[library.name_full]
            library.filepath = wanted
            # Blender may name a library after its file.
            seen.add(library.name_full)
            written[library.name_full] = as_written
            if library.name_full != name:
                del written[name]
            if os.path.exists(wanted):
                library.reload()


def _is_bundled(library):
    """Whether a library belongs to Blender itself, as the brushes of 4.3 and later do."""
    path = os.path.normpath(bpy.path.abspath(library.filepath))
    return path.startswith(os.path.normpath(bpy.utils.resource_path("LOCAL")) + os.sep)


def _here(written, library):
    return os.path.normpath(bpy.path.abspath(written, library=library))


class ExternalFiles:
    """The files of the open scene; reads the paths once and points them into the root."""

    def __init__(self, layout):
        self.layout = layout
        self.libraries = load_libraries(layout)
        self.references = list(references())
        for reference in self.references:
            self._point_into_root(reference)

    def _point_into_root(self, reference):
        library = reference.datablock.library
        beside = None
        if library is not None:
            _, beside = self.libraries.get(library.name_full, (None, None))
        reference.artist = self.layout.resolve(reference.written, beside)
        wanted = self.layout.local(reference.artist)
        if _here(reference.written, library) != wanted:
            slash = "/" if reference.written.endswith(("/", "\\")) else ""
            setattr(reference.owner, reference.attribute, wanted + slash)

    def missing_libraries(self):
        paths = (artist for _, artist in self.libraries.values())
        return [artist for artist in paths if not os.path.exists(self.layout.local(artist))]

    def needed(self, scene):
        """What must be there to render the scene, as `ExternalFile` of the wire types."""
        used = reachable(scene)
        files = {}

        def add(artist, written, kind, used_by):
            files.setdefault(
                artist,
                {"path": artist, "as_written": written, "kind": kind, "used_by": used_by},
            )

        for library in bpy.data.libraries:
            if library.name_full in self.libraries:
                written, artist = self.libraries[library.name_full]
                add(artist, written, "library", f'Library "{library.name}"')
        for reference in self.references:
            if reference.datablock in used:
                self._add_reference(add, reference)
        for owner, cache in point_caches(scene):
            if owner in used:
                self._add_cache(add, owner, cache)
        self._add_others(add)
        return sorted(files.values(), key=lambda file: file["path"])

    def _add_reference(self, add, reference):
        strip = reference.owner
        if reference.attribute == "directory" and hasattr(strip, "elements"):
            for element in strip.elements:
                path = posixpath.join(reference.artist, element.filename)
                written = posixpath.join(reference.written, element.filename)
                add(path, written, "image", reference.used_by)
        else:
            add(reference.artist, reference.written, reference.kind, reference.used_by)

    def _add_cache(self, add, owner, cache):
        if cache.use_external and cache.filepath:
            written = cache.filepath
        elif cache.use_disk_cache:
            stem = posixpath.splitext(posixpath.basename(self.layout.blend))[0]
            written = f"//blendcache_{stem}"
        else:
            return
        artist = self.layout.resolve(written)
        add(artist, written, "directory", f'Physics cache of "{owner.name}"')

    def _add_others(self, add):
        """What Blender lists and no rule above knows, such as external multires data."""
        known = {reference.artist for reference in self.references}
        known.update(artist for _, artist in self.libraries.values())
        for image in bpy.data.images:
            known.add(self.layout.resolve(image.filepath))
        for path in bpy.utils.blend_paths(absolute=True, packed=False, local=False):
            inside = os.path.normpath(path)
            if not path or not inside.startswith(self.layout.root + os.sep):
                continue
            artist = self.layout.of_artist(inside)
            if artist not in known and not os.path.isdir(inside):
                add(artist, path, "other", "the .blend file")
