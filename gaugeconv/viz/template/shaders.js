"use strict";
(() => {
const DISTANCE = 4, NEAR = 1.4, FAR = 6.6, FOCAL = 3.5; // frames the unit ball, however it is panned

// ---------------------------------------------------------------- shaders

// No vertex buffers: each shader run looks up its face, so that 16 bytes per face suffice, the
// normal is exact and constant over the face, and picking needs no second geometry.
const VERTEX = `#version 300 es
precision highp float; precision highp int; precision highp sampler2D; precision highp usampler2D;
uniform sampler2D positions, values; // values: two numbers per vertex of the field that is shown
uniform usampler2D faces;
uniform mat3 rotation;
uniform vec3 target;
uniform vec4 lens;
uniform float stretch; // of a log map over a face, beyond which it is torn
flat out int face;
flat out uint word;
flat out vec3 normal;
flat out int known;
out vec3 corner;
out vec2 value;
ivec2 at(int i, int width) { return ivec2(i % width, i / width); }
vec3 position(uint i) {
  return rotation * (texelFetch(positions, at(int(i), textureSize(positions, 0).x), 0).xyz - target);
}
vec2 number(uint i) { return texelFetch(values, at(int(i), textureSize(values, 0).x), 0).xy; }
void main() {
  face = gl_VertexID / 3;
  int k = gl_VertexID % 3;
  uvec4 record = texelFetch(faces, at(face, textureSize(faces, 0).x), 0);
  vec3 a = position(record.x), b = position(record.y), c = position(record.z);
  vec2 u = number(record.x), v = number(record.y), w = number(record.z);
  vec3 p = (k == 0 ? a : k == 1 ? b : c) - vec3(0, 0, ${DISTANCE});
  value = k == 0 ? u : k == 1 ? v : w;
  vec3 image = vec3(distance(u, v), distance(v, w), distance(w, u));
  vec3 size = stretch * vec3(distance(a, b), distance(b, c), distance(c, a));
  bool near = max(max(length(u), length(v)), length(w)) < 1e5;
  known = int(near && all(lessThanEqual(image, size + 1e-6)));
  word = record.w;
  normal = cross(b - a, c - a);
  corner = vec3(k == 0, k == 1, k == 2);
  gl_Position = vec4(lens.xy * p.xy, lens.z * p.z + lens.w, -p.z);
}`;

const FRAGMENT_HEAD = `#version 300 es
precision highp float; precision highp int; precision highp sampler2D;
uniform sampler2D palette; // sRGB; alpha 1 where the part is shown, 0 where it is faded
uniform bool hide;
flat in int face;
flat in uint word;
vec4 partColor() {
  int part = int(word >> 3);
  vec4 color = texelFetch(palette, ivec2(part & 255, part >> 8), 0);
  if (hide && color.a < 0.5) discard;
  return color;
}
`;

const FRAGMENT = `${FRAGMENT_HEAD}
uniform sampler2D colorMap; // 256 colours
uniform int kind; // 0 parts, 1 scalar, 2 polar
uniform float radius, rings, sectors;
uniform int hovered, selected;
uniform bool wireframe;
uniform float pixelRatio;
uniform vec3 faded, ink, plain;
flat in vec3 normal;
flat in int known;
in vec3 corner;
in vec2 value;
out vec4 result;

/** Coverage of lines along the chosen edges (1 or 0 opposite each corner), gone on tiny faces. */
float lines(vec3 edges, float width) {
  vec3 slope = max(fwidth(corner), 1e-9);
  vec3 cover = 1.0 - smoothstep(width - 0.5, width + 0.5, corner / slope);
  vec3 large = smoothstep(2.0, 8.0, 1.0 / (slope * pixelRatio));
  vec3 all = cover * large * edges;
  return max(all.x, max(all.y, all.z));
}

vec3 mapped(float t) { return texelFetch(colorMap, ivec2(clamp(int(256.0 * t), 0, 255), 0), 0).rgb; }

/** Sectors in the colours of the map, every other ring darker, lines between them, θ = 0 in bold. */
vec3 polar() {
  float r = length(value), pixel = max(0.7 * length(fwidth(value)), 1e-9) * pixelRatio;
  if (known == 0 || r > radius) return plain;
  float turn = fract(atan(value.y, value.x) / ${2 * Math.PI}), ring = rings * r / radius;
  vec3 color = mapped((floor(turn * sectors) + 0.5) / sectors) * (mod(floor(ring), 2.0) < 1.0 ? 1.0 : 0.86);
  float toRing = abs(fract(ring + 0.5) - 0.5) * radius / rings;
  float toSector = abs(fract(turn * sectors + 0.5) - 0.5) * r * ${2 * Math.PI} / sectors;
  float line = 0.5 * (1.0 - smoothstep(0.2, 1.2, min(toRing, toSector) / pixel));
  float bold = value.x > 0.0 ? 1.0 - smoothstep(1.2, 2.2, abs(value.y) / pixel) : 0.0;
  return mix(color, vec3(0.06, 0.07, 0.1), max(line, bold));
}

void main() {
  vec4 color = partColor();
  vec3 shown = kind == 1 ? mapped(value.x) : kind == 2 ? polar() : color.rgb;
  vec3 base = pow(mix(faded, shown, color.a), vec3(2.2));
  vec3 n = normal * inversesqrt(max(dot(normal, normal), 1e-37));
  if (!gl_FrontFacing) n = -n;
  float light = mix(0.37, 0.55, 0.5 + 0.5 * n.y)
    + 0.48 * max(dot(n, normalize(vec3(-0.45, 0.6, 0.9))), 0.0)
    + 0.14 * max(dot(n, normalize(vec3(0.9, -0.1, 0.5))), 0.0);
  if (!gl_FrontFacing) light *= 0.6; // the inside of an open surface
  vec3 shade = pow(base * light, vec3(1.0 / 2.2));
  vec3 borders = vec3(uvec3(word, word >> 1, word >> 2) & 1u) * (kind == 0 ? 1.0 : 0.0);
  shade = mix(shade, ink, 0.75 * color.a * lines(borders, 0.6 * pixelRatio));
  if (wireframe) shade = mix(shade, ink, 0.45 * lines(vec3(1), 0.45 * pixelRatio));
  if (face == hovered) shade = mix(shade, vec3(1), 0.35);
  if (face == selected) {
    shade = mix(shade, vec3(1), 0.55);
    shade = mix(shade, ink, lines(vec3(1), 1.6 * pixelRatio));
  }
  result = vec4(shade, 1);
}`;

const PICK = `${FRAGMENT_HEAD}
out uint id;
void main() {
  partColor(); // so that hidden parts are discarded here too
  id = uint(face) + 1u;
}`;

// A stroke is a quadrilateral across the line from start to end on the screen, with a light rim.
const STROKE_VERTEX = `#version 300 es
precision highp float; precision highp int; precision highp sampler2D;
uniform sampler2D strokes; // two texels each: start and its width, end and its width
uniform mat3 rotation;
uniform vec3 target;
uniform vec4 lens;
uniform vec2 viewport;
uniform float lift, pixelRatio;
uniform int first;
out float across;
out float inner;
vec4 at(int i) { int width = textureSize(strokes, 0).x; return texelFetch(strokes, ivec2(i % width, i / width), 0); }
void main() {
  int stroke = first + gl_VertexID / 6, k = gl_VertexID % 6;
  bool ending = k == 1 || k == 2 || k == 4;
  float side = k == 0 || k == 1 || k == 3 ? 1.0 : -1.0;
  vec4 a = at(2 * stroke), b = at(2 * stroke + 1);
  vec3 p = rotation * (a.xyz - target) - vec3(0, 0, ${DISTANCE}), q = rotation * (b.xyz - target) - vec3(0, 0, ${DISTANCE});
  vec2 from = 0.5 * viewport * lens.xy * p.xy / -p.z, to = 0.5 * viewport * lens.xy * q.xy / -q.z;
  vec2 along = to - from;
  along = dot(along, along) > 1e-12 ? normalize(along) : vec2(1, 0);
  float z = ending ? q.z : p.z, width = ending ? b.w : a.w;
  inner = 0.25 * viewport.y * lens.y * width / -z;
  if (width > 0.0) inner = max(inner, 0.5 * pixelRatio);
  across = side * (inner + 0.9 * pixelRatio);
  vec2 place = (ending ? to : from) + across * vec2(-along.y, along.x);
  float depth = min(z + lift, -${NEAR});
  gl_Position = vec4(place / (0.5 * viewport), (lens.z * depth + lens.w) / -depth, 1);
}`;

const STROKE_FRAGMENT = `#version 300 es
precision highp float;
uniform vec3 color;
uniform float pixelRatio;
in float across;
in float inner;
out vec4 result;
void main() {
  float rim = smoothstep(-0.5, 0.5, (abs(across) - inner) / pixelRatio);
  result = vec4(mix(color, mix(color, vec3(1), 0.8), rim), 1);
}`;

