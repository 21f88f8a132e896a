"""Images: single, sequences, movies, tiles, packed, and paths of every spelling."""

import bpy
from common import empty, kind, material, shown, written


@kind
def image(case):
    """Two ways to an image, both used; and one that only a brush has, which no render needs."""
    scene = empty()
    case.save()
    shown(bpy.data.images.load(case.picture("tex/surface.png")))
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    sky = scene.world.node_tree.nodes.new("ShaderNodeTexEnvironment")
    sky.image = bpy.data.images.load(case.picture("tex/sky.png"))
    texture = bpy.data.textures.new("Stroke", "IMAGE")
    texture.image = bpy.data.images.load(case.picture("tex/brush.png", needed=False))
    brush = bpy.data.brushes.new("Brush", mode="TEXTURE_PAINT")
    brush.texture = texture
    brush.use_fake_user = True


@kind
def image_sequence(case):
    """Five images, three frames, and an offset of one: the second to the fourth are shown."""
    empty()
    case.save()
    for number in range(1, 6):
        case.picture(f"seq/s_{number:04}.png", needed=2 <= number <= 4)
    image = bpy.data.images.load(case.path("seq/s_0001.png"))
    image.source = "SEQUENCE"
    user = shown(image).image_user
    user.frame_start, user.frame_duration, user.frame_offset = 1, 3, 1
    user.use_auto_refresh = True


@kind
def image_movie(case):
    empty()
    case.save()
    image = bpy.data.images.load(case.movie("movie/three.avi"))
    image.source = "MOVIE"
    user = shown(image).image_user
    user.frame_duration, user.use_auto_refresh = 3, True


def tiled(case, names, tiles, spelling):
    """An image with tiles; what is not one of them lies beside it."""
    empty()
    case.save()
    for name in names:
        case.picture(f"tiles/{name}.png")
    case.picture("tiles/other.png", needed=False)
    image = bpy.data.images.load(case.path(f"tiles/{names[0]}.png"))
    image.source = "TILED"
    image.filepath = f"//tiles/{spelling}.png"
    for tile in tiles:
        if image.tiles.get(tile) is None:
            image.tiles.new(tile)
    shown(image)


@kind
def udim(case):
    tiled(case, ("u.1001", "u.1002", "u.1011"), (1001, 1002, 1011), "u.<UDIM>")


@kind
def udim_uvtile(case):
    tiled(case, ("u_u1_v1", "u_u2_v1", "u_u1_v2"), (1001, 1002, 1011), "u_<UVTILE>")


@kind
def udim_legacy(case):
    """Until 3.0 the path named the first tile."""
    tiled(case, ("u.1001", "u.1002"), (1001, 1002), "u.1001")


@kind
def image_packed(case):
    empty()
    case.save()
    image = bpy.data.images.load(case.picture("tex/packed.png", needed=False))
    image.pack()
    shown(image)


@kind
def letter_case(case):
    """As Windows lets one write it."""
    empty()
    case.save()
    case.picture("tex/Tex.PNG")
    shown(written("//TEX/tex.png"))


@kind
def windows_paths(case):
    """A drive and a share are on other machines; a backslash is a slash."""
    empty()
    case.save()
    case.keeps_paths = True
    case.picture("tex/sub/back.png")
    case.needs("C:\\tex\\drive.png", "\\\\nas\\tex\\share.png")
    for path in ("//tex\\sub\\back.png", "C:\\tex\\drive.png", "\\\\nas\\tex\\share.png"):
        shown(written(path))


@kind
def non_ascii(case):
    empty()
    case.save()
    shown(bpy.data.images.load(case.picture("Bäume/木 #1.png")))


@kind
def missing(case):
    """An image and a library that are not there."""
    empty()
    case.needs("gone/gone.png", "gone.blend")
    case.gone = ["gone.blend"]
    shown(written("//gone/gone.png"))
    lost = material("Lost")
    bpy.data.libraries.write(case.path("gone.blend"), {lost}, fake_user=True)
    bpy.data.materials.remove(lost)
    case.save()
    with bpy.data.libraries.load(case.path("gone.blend"), link=True, relative=True) as (_, wanted):
        wanted.materials = ["Lost"]
    mesh = bpy.data.meshes.new("Mesh")
    mesh.use_fake_user = True
    mesh.materials.append(wanted.materials[0])
