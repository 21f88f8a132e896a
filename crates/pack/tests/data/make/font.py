"""Makes block.ttf, a font with one letter; needs fontTools.

    python3 font.py
"""

import os

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

pen = TTGlyphPen(None)
pen.moveTo((0, 0))
for corner in ((0, 700), (500, 700), (500, 0)):
    pen.lineTo(corner)
pen.closePath()
names = (".notdef", "A")
font = FontBuilder(1000, isTTF=True)
font.setupGlyphOrder(names)
font.setupCharacterMap({65: "A"})
font.setupGlyf({name: pen.glyph() for name in names})
font.setupHorizontalMetrics({name: (600, 0) for name in names})
font.setupHorizontalHeader(ascent=800, descent=-200)
font.setupNameTable({"familyName": "Block", "styleName": "Regular"})
font.setupOS2()
font.setupPost()
font.save(os.path.join(os.path.dirname(__file__), "block.ttf"))
