"""Send to BlendNet: hands what is open in Blender to the BlendNet app on this computer.

A copy of the current state is saved in a folder that the app makes, what only Blender knows beside it,
and the program `blendnet` brings both to the window. The user's own file stays as it is. No network.
"""

import bpy
import json
import os
import queue
import shutil
import subprocess
import sys
import threading

bl_info = {
    "name": "Send to BlendNet",
    "author": "The BlendNet developers", "category": "Render",
    "version": (0, 1, 0), "blender": (2, 93, 0),
    "location": "Render menu; Properties > Render > BlendNet",
    "description": "Hands the scene to the BlendNet app on this computer, which renders it on a farm",
}

FORMAT = 1  # of handoff.json
PROGRAM = "blendnet.exe" if os.name == "nt" else "blendnet"
IMAGE = "BlendNet result"


class Refused(Exception):
    """What went wrong, as a sentence for the user."""


def preferences():
    add_on = bpy.context.preferences.addons.get(__package__)
    return add_on and add_on.preferences


def program():
    chosen = bpy.path.abspath(preferences().program) if preferences() else ""
    beside = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), PROGRAM)
    found = shutil.which(chosen) if chosen else shutil.which(PROGRAM) or shutil.which(beside)
    if not found:
        what = f"there is no program {chosen}" if chosen else "BlendNet is not installed, or not on the PATH"
        raise Refused(f"{what}; choose the program blendnet in the preferences of this add-on")
    return found


def answer_of(line):
    """A JSON line of blendnet; its errors are raised."""
    try:
        said = dict(json.loads(line))
    except (TypeError, ValueError):
        raise Refused(f"this is no BlendNet that fits; it says: {line.strip()}")
    if said.get("event") == "error":
        raise Refused("; ".join(said[part] for part in ("message", "hint") if said.get(part)))
    return said


def new_folder():
    path = program()
    try:
        ran = subprocess.run([path, "--json", "handoff"], stdin=subprocess.DEVNULL, timeout=20,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        said = answer_of(ran.stdout.decode("utf-8", "replace").partition("\n")[0])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f"{path} can't be started: {error}")
    if said.get("format") != FORMAT:
        raise Refused(f"BlendNet {said.get('version')} and this add-on don't fit together: "
                      "install the add-on that came with that BlendNet")
    return said["folder"]


def plain(text):
    """Names of files may hold bytes that are no text."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def save_copy(folder):
    """Saves the current state; gives the file's name."""
    original = bpy.data.filepath
    name = plain(os.path.basename(original)) or "untitled.blend"
    name = "".join(letter if letter.isprintable() and letter != "/" else "_" for letter in name)
    copy = os.path.join(folder, name)
    bpy.ops.wm.save_as_mainfile(filepath=copy, copy=True, relative_remap=True, check_existing=False)
    # Caches on the disk are found by the name of the .blend, beside it.
    of, stem = os.path.split(os.path.splitext(original)[0])
    caches = os.path.join(of, "blendcache_" + stem)
    if original and os.path.isdir(caches):
        link = os.path.join(folder, "blendcache_" + os.path.splitext(name)[0])
        os.symlink(caches, link, target_is_directory=True)
    return name


def unbaked():
    """Simulations that have no bake."""
    caches = [(f"Rigid bodies of {scene.name}", scene.rigidbody_world.point_cache)
              for scene in bpy.data.scenes if scene.rigidbody_world]
    fluids = []
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            caches.append((f"{modifier.name} of {thing.name}", getattr(modifier, "point_cache", None)))
            domain = getattr(modifier, "domain_settings", None)
            if domain and not (domain.has_cache_baked_any or domain.cache_type == "REPLAY"):
                fluids.append(f"{modifier.name} of {thing.name}")
        caches += [(f"{system.name} of {thing.name}", system.point_cache) for system in thing.particle_systems
                   if system.settings.type == "EMITTER" or system.use_hair_dynamics]
    return fluids + [name for name, cache in caches if cache and not (cache.is_baked or cache.use_external)]


def own_add_ons(context):
    """Add-ons that are on and that Blender does not bring."""
    brought = tuple(filter(None, map(bpy.utils.resource_path, ("LOCAL", "SYSTEM"))))
    paths = {name: getattr(sys.modules.get(name), "__file__", None) for name in context.preferences.addons.keys()}
    return sorted(name.rpartition(".")[2] for name, path in paths.items()
                  if path and name != __package__ and not path.startswith(brought))


def describe(context, animation, name):
    scene = context.scene
    by_markers = any(marker.camera for marker in scene.timeline_markers)
    kinds = (bpy.data.images, bpy.data.sounds, bpy.data.fonts, bpy.data.libraries)
    single = [context.view_layer] if scene.render.use_single_layer else None
    return {
        "format": FORMAT, "blend": name, "blender": bpy.app.version_string,
        "original": plain(bpy.data.filepath) or None, "unsaved_changes": bpy.data.is_dirty,
        "animation": animation, "scene": scene.name, "frame": scene.frame_current,
        "frame_start": scene.frame_start, "frame_end": scene.frame_end, "frame_step": scene.frame_step,
        "camera": scene.camera.name if scene.camera and not by_markers else None,
        "view_layers": [layer.name for layer in single or scene.view_layers if single or layer.use],
        "add_ons": own_add_ons(context), "unbaked": unbaked(),
        "packed_count": sum(bool(thing.packed_file) for kind in kinds for thing in kind),
    }


def write_handoff(context, animation):
    """Saves everything in a new folder; gives the path of handoff.json, which is written last."""
    folder = new_folder()
    try:
        said = describe(context, animation, save_copy(folder))
        path = os.path.join(folder, "handoff.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(said, file)
        os.replace(path + ".new", path)
    except (OSError, RuntimeError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise Refused(f"a copy of the scene can't be saved: {str(error).strip()}")
    return path


class Sending:
    """The program that brings a scene to the window; its lines come without waiting for them."""

    def __init__(self, handoff, follow):
        arguments = [program(), "--json", "open", "--handoff", handoff] + ["--follow"] * follow
        apart = {"creationflags": 0x200} if os.name == "nt" else {"start_new_session": True}
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, **apart)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode("utf-8", "replace"))
        self.lines.put(None)

    def next(self, wait_secs=0.0):
        """What blendnet says next; None: nothing yet. Raises when there will be nothing more."""
        try:
            line = self.lines.get(wait_secs > 0, wait_secs)
        except queue.Empty:
            return None
        if line is None:
            raise Refused("BlendNet ended")
        return answer_of(line)


def status(text):
    for window in bpy.context.window_manager.windows:
        window.workspace.status_text_set(text)


def follow(sending):
    """A timer that shows how far the render is. It ends with the window, or with this file."""
    def look():
        try:
            said = sending.next()
        except Refused:
            status(None)
            return None
        said = said or {"event": None}
        pictures = said.get("pictures") or [said.get("preview")]
        left = said.get("remaining_secs")
        texts = {
            "rendering": f"{100 * said.get('done', 0):.0f} %" + (f", {left:.0f} s to go" if left else ""),
            "rendered": f"rendered; see the image {IMAGE}", "ended": said.get("message"),
        }
        if said["event"] in texts:
            status("BlendNet: " + texts[said["event"]])
        if pictures[-1] and os.path.isfile(pictures[-1]):
            image = bpy.data.images.get(IMAGE) or bpy.data.images.load(pictures[-1])
            image.name, image.filepath = IMAGE, pictures[-1]
            image.reload()
        return 0.5
    bpy.app.timers.register(look, first_interval=0.5)


class BLENDNET_OT_send(bpy.types.Operator):
    """Show the scene as it is now in the BlendNet app; it renders when you say so there"""
    bl_idname = "blendnet.send"
    bl_label = "Send to BlendNet"
    animation: bpy.props.BoolProperty(name="Animation", options={"SKIP_SAVE"})

    def attempt(self, act):
        """Reports what goes wrong the way Blender reports; None: nothing did."""
        try:
            act()
        except (Refused, OSError) as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}

    def begin(self, context):
        self.follow = bool(preferences() and preferences().follow) and not bpy.app.background
        self.sending = Sending(write_handoff(context, self.animation), self.follow)
        self.shown = False

    def look(self, wait_secs=0.0):
        said = self.sending.next(wait_secs)
        self.shown = bool(said) and said.get("event") != "handed_over"

    def ended(self):
        self.report({"INFO"}, "The scene stands in BlendNet")
        if self.follow:
            follow(self.sending)
        return {"FINISHED"}

    def execute(self, context):
        failed = self.attempt(lambda: self.begin(context))
        while not failed and not self.shown:
            failed = self.attempt(lambda: self.look(wait_secs=0.1))
        return failed or self.ended()

    def invoke(self, context, event):
        failed = self.attempt(lambda: self.begin(context))
        if not failed:
            self.timer = context.window_manager.event_timer_add(0.1, window=context.window)
            context.window_manager.modal_handler_add(self)
        return failed or {"RUNNING_MODAL"}

    def modal(self, context, event):
        failed = self.attempt(self.look) if event.type == "TIMER" else None
        if not failed and not self.shown:
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self.timer)
        return failed or self.ended()


def buttons(self, context):
    self.layout.operator(BLENDNET_OT_send.bl_idname, icon="RENDER_STILL")
    name = "Send Animation to BlendNet"
    self.layout.operator(BLENDNET_OT_send.bl_idname, text=name, icon="RENDER_ANIMATION").animation = True


class BLENDNET_PT_send(bpy.types.Panel):
    bl_label = "BlendNet"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"

    def draw(self, context):
        buttons(self, context)
        if preferences():
            self.layout.prop(preferences(), "follow")


class BLENDNET_preferences(bpy.types.AddonPreferences):
    bl_idname = __package__ or __name__
    program: bpy.props.StringProperty(
        name="Program", subtype="FILE_PATH", description="The program blendnet; empty: the one on the PATH")
    follow: bpy.props.BoolProperty(name="Show the Result in Blender", description=(
        "Progress in the status bar, and the picture as an image of this file"))

    def draw(self, context):
        self.layout.prop(self, "program")
        self.layout.prop(self, "follow")


CLASSES = (BLENDNET_preferences, BLENDNET_OT_send, BLENDNET_PT_send)


def register():
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.TOPBAR_MT_render.append(buttons)


def unregister():
    bpy.types.TOPBAR_MT_render.remove(buttons)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
