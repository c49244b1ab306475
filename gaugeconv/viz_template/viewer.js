"use strict";
(() => {
const byId = (id) => document.getElementById(id);
const canvas = byId("canvas"), tooltip = byId("tooltip"), status = byId("status");
const HINT = status.textContent;

// ---------------------------------------------------------------- data

const meta = JSON.parse(byId("meta").textContent);
const parts = meta.parts; // parts[0] is "unlabelled"; label k is parts[k + 1]

/** The little-endian 32-bit words in a base64 data block, which is then dropped from the page. */
function decode(id, Words) {
  const text = atob(byId(id).textContent);
  byId(id).remove();
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return new Words(bytes.buffer);
}
const positions = decode("positions", Float32Array); // x y z, inside the unit ball
const faces = decode("faces", Uint32Array); // three corners, then 8 * (label + 1) + border bits
const numVertices = positions.length / 3, numFaces = faces.length / 4;
const partOf = (face) => faces[4 * face + 3] >>> 3;

// ---------------------------------------------------------------- state

const FRONT = { yaw: -0.5, pitch: 0.22, zoom: 1, target: [0, 0, 0] };
const DISTANCE = 4, NEAR = 1.4, FAR = 6.6, FOCAL = 3.5; // frames the unit ball, however it is panned
const MAX_PAN = 1.5, MIN_ZOOM = 0.3, MAX_ZOOM = 400;
const UP = { y: [1, 0, 0, 0, 1, 0, 0, 0, 1], z: [1, 0, 0, 0, 0, 1, 0, -1, 0], x: [0, -1, 0, 1, 0, 0, 0, 0, 1] };

const view = { ...FRONT, up: meta.up };
const chosen = new Set(); // parts highlighted through the legend
let hovered = -1, selected = -1; // face indices, -1 for none
let wireframe = false;

const isShown = (part) => chosen.size === 0 || chosen.has(part);
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

// ---------------------------------------------------------------- camera

/** The rotation from mesh to view axes, row by row: a turntable about the up axis. */
function rotation() {
  const [cy, sy, cp, sp] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)];
  const turn = [cy, 0, sy, sp * sy, cp, -sp * cy, -cp * sy, sp, cp * cy], up = UP[view.up];
  return [0, 3, 6].flatMap((r) => [0, 1, 2].map((c) =>
    turn[r] * up[c] + turn[r + 1] * up[c + 3] + turn[r + 2] * up[c + 6]));
}

/** Scales of x and y from view to clip space. Zoom is a longer lens, so it never enters the mesh. */
function lens() {
  const aspect = canvas.clientWidth / Math.max(1, canvas.clientHeight);
  const y = FOCAL * view.zoom * Math.min(1, aspect);
  return [y / aspect, y];
}

function orbit(dx, dy) {
  view.yaw += dx;
  view.pitch = clamp(view.pitch + dy, -Math.PI / 2, Math.PI / 2);
  moved();
}

/** Moves the mesh by (dx, dy) CSS pixels, as seen at the distance of the target. */
function pan(dx, dy) {
  const r = rotation(), unit = 2 * DISTANCE / (lens()[0] * canvas.clientWidth);
  const t = view.target.map((x, i) => x - unit * (dx * r[i] - dy * r[3 + i]));
  const shrink = Math.min(1, MAX_PAN / Math.hypot(...t));
  view.target = t.map((x) => x * shrink);
  moved();
}

/** Zooms and keeps what is at the point (x, y) of the canvas where it is. */
function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const [dx, dy] = [x - canvas.clientWidth / 2, y - canvas.clientHeight / 2];
  pan(-dx, -dy);
  view.zoom = clamp(view.zoom * factor, MIN_ZOOM, MAX_ZOOM);
  pan(dx, dy);
}

function reset() {
  Object.assign(view, FRONT);
  moved();
}

// ---------------------------------------------------------------- drawing

// No vertex buffers: each shader run looks up its face, so that 16 bytes per face suffice, the
// normal is exact and constant over the face, and picking needs no second geometry.
const VERTEX = `#version 300 es
precision highp float; precision highp int; precision highp sampler2D; precision highp usampler2D;
uniform sampler2D positions;
uniform usampler2D faces;
uniform mat3 rotation;
uniform vec3 target;
uniform vec4 lens;
flat out int face;
flat out uint word;
flat out vec3 normal;
out vec3 corner;
ivec2 at(int i, int width) { return ivec2(i % width, i / width); }
vec3 position(uint i) {
  return rotation * (texelFetch(positions, at(int(i), textureSize(positions, 0).x), 0).xyz - target);
}
void main() {
  face = gl_VertexID / 3;
  int k = gl_VertexID % 3;
  uvec4 record = texelFetch(faces, at(face, textureSize(faces, 0).x), 0);
  vec3 a = position(record.x), b = position(record.y), c = position(record.z);
  vec3 p = (k == 0 ? a : k == 1 ? b : c) - vec3(0, 0, ${DISTANCE});
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
uniform int hovered, selected;
uniform bool wireframe;
uniform float pixelRatio;
uniform vec3 faded, ink;
flat in vec3 normal;
in vec3 corner;
out vec4 result;

/** Coverage of lines along the chosen edges (1 or 0 opposite each corner), gone on tiny faces. */
float lines(vec3 edges, float width) {
  vec3 slope = max(fwidth(corner), 1e-9);
  vec3 cover = 1.0 - smoothstep(width - 0.5, width + 0.5, corner / slope);
  vec3 large = smoothstep(2.0, 8.0, 1.0 / (slope * pixelRatio));
  vec3 all = cover * large * edges;
  return max(all.x, max(all.y, all.z));
}

void main() {
  vec4 color = partColor();
  vec3 base = pow(mix(faded, color.rgb, color.a), vec3(2.2));
  vec3 n = normal * inversesqrt(max(dot(normal, normal), 1e-37));
  if (!gl_FrontFacing) n = -n;
  float light = mix(0.37, 0.55, 0.5 + 0.5 * n.y)
    + 0.48 * max(dot(n, normalize(vec3(-0.45, 0.6, 0.9))), 0.0)
    + 0.14 * max(dot(n, normalize(vec3(0.9, -0.1, 0.5))), 0.0);
  if (!gl_FrontFacing) light *= 0.6; // the inside of an open surface
  vec3 shade = pow(base * light, vec3(1.0 / 2.2));
  vec3 borders = vec3(uvec3(word, word >> 1, word >> 2) & 1u);
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

let gl = null, drawing = null, picking = null, idBuffer = null, paletteTexture = null;
let idsAreStale = true, frameRequested = false;

function program(fragment) {
  const handle = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(handle, shader);
  }
  gl.linkProgram(handle);
  if (!gl.getProgramParameter(handle, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = gl.getAttachedShaders(handle).map((shader) => gl.getShaderInfoLog(shader));
    throw new Error(`The shaders do not compile here. ${logs.join(" ")}`);
  }
  const uniforms = {};
  for (let i = gl.getProgramParameter(handle, gl.ACTIVE_UNIFORMS) - 1; i >= 0; i--) {
    const { name } = gl.getActiveUniform(handle, i);
    uniforms[name] = gl.getUniformLocation(handle, name);
  }
  return { handle, uniforms };
}

/** Records of `size` words as a texture of full rows, bound to `unit` for good. */
function dataTexture(unit, words, size, internalFormat, format, type) {
  const limit = gl.getParameter(gl.MAX_TEXTURE_SIZE), count = words.length / size;
  const width = Math.min(limit, 4096), height = Math.max(1, Math.ceil(count / width));
  if (height > limit) throw new Error("This mesh is too large for the graphics hardware.");
  const padded = new words.constructor(width * height * size);
  padded.set(words);
  gl.activeTexture(gl.TEXTURE0 + unit);
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texImage2D(gl.TEXTURE_2D, 0, internalFormat, width, height, 0, format, type, padded);
  return texture;
}

function uploadPalette() {
  const height = Math.ceil(parts.length / 256), pixels = new Uint8Array(256 * height * 4);
  parts.forEach((part, i) => pixels.set([...part.color, isShown(i) ? 255 : 0], 4 * i));
  gl.activeTexture(gl.TEXTURE2);
  gl.bindTexture(gl.TEXTURE_2D, paletteTexture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
}

/** Everything that lives on the graphics card; run again after a lost context comes back. */
function setUp() {
  drawing = program(FRAGMENT);
  picking = program(PICK);
  dataTexture(0, positions, 3, gl.RGB32F, gl.RGB, gl.FLOAT);
  dataTexture(1, faces, 4, gl.RGBA32UI, gl.RGBA_INTEGER, gl.UNSIGNED_INT);
  paletteTexture = dataTexture(2, new Uint8Array(4), 4, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE);
  uploadPalette();
  idBuffer = { frame: gl.createFramebuffer(), ids: gl.createRenderbuffer(), depth: gl.createRenderbuffer() };
  gl.bindFramebuffer(gl.FRAMEBUFFER, idBuffer.frame);
  for (const [target, buffer] of [[gl.COLOR_ATTACHMENT0, idBuffer.ids], [gl.DEPTH_ATTACHMENT, idBuffer.depth]]) {
    gl.bindRenderbuffer(gl.RENDERBUFFER, buffer);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, target, gl.RENDERBUFFER, buffer);
  }
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(0, 0, 0, 0); // the page shows through
}

/** A custom property of the style sheet, as red, green, blue in 0..1. */
function cssColor(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255);
}

function drawFaces({ handle, uniforms }) {
  gl.useProgram(handle);
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.uniform1i(uniforms.positions, 0);
  gl.uniform1i(uniforms.faces, 1);
  gl.uniform1i(uniforms.palette, 2);
  gl.uniformMatrix3fv(uniforms.rotation, true, rotation());
  gl.uniform3fv(uniforms.target, view.target);
  gl.uniform4f(uniforms.lens, ...lens(), (FAR + NEAR) / (NEAR - FAR), 2 * FAR * NEAR / (NEAR - FAR));
  gl.uniform1i(uniforms.hide, byId("hide").checked);
  gl.drawArrays(gl.TRIANGLES, 0, 3 * numFaces);
}

function draw() {
  if (!gl || gl.isContextLost()) return;
  gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  const { handle, uniforms } = drawing;
  gl.useProgram(handle);
  gl.uniform1i(uniforms.hovered, hovered);
  gl.uniform1i(uniforms.selected, selected);
  gl.uniform1i(uniforms.wireframe, wireframe);
  gl.uniform1f(uniforms.pixelRatio, canvas.width / Math.max(1, canvas.clientWidth));
  gl.uniform3fv(uniforms.faded, cssColor("--faded"));
  gl.uniform3fv(uniforms.ink, cssColor("--ink"));
  drawFaces(drawing);
}

function redraw() {
  if (frameRequested) return;
  frameRequested = true;
  requestAnimationFrame(() => { frameRequested = false; draw(); });
}

/** The camera, the size or the hidden parts changed. */
function moved() {
  idsAreStale = true;
  hover(-1); // another face may be under the pointer now
  redraw();
}

/** The face at a point of the canvas in CSS pixels, or -1; face ids are drawn only when stale. */
function pick(x, y) {
  if (!gl || gl.isContextLost()) return -1;
  gl.bindFramebuffer(gl.FRAMEBUFFER, idBuffer.frame);
  if (idsAreStale) {
    gl.bindRenderbuffer(gl.RENDERBUFFER, idBuffer.ids);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.R32UI, canvas.width, canvas.height);
    gl.bindRenderbuffer(gl.RENDERBUFFER, idBuffer.depth);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT24, canvas.width, canvas.height);
    gl.clearBufferuiv(gl.COLOR, 0, [0, 0, 0, 0]);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    drawFaces(picking);
    idsAreStale = false;
  }
  const id = new Uint32Array(4), ratio = canvas.width / canvas.clientWidth;
  gl.readPixels(Math.floor(x * ratio), canvas.height - 1 - Math.floor(y * ratio), 1, 1,
    gl.RGBA_INTEGER, gl.UNSIGNED_INT, id);
  return id[0] - 1;
}

// ---------------------------------------------------------------- hover, selection, legend

function hover(face, x, y) {
  tooltip.hidden = face < 0;
  if (face >= 0) {
    const part = parts[partOf(face)], [swatch, name, index] = tooltip.children;
    swatch.style.background = `rgb(${part.color})`;
    name.textContent = part.name;
    index.textContent = `face ${face}`;
    const stage = canvas.parentElement;
    const left = x + 16 + tooltip.offsetWidth < stage.clientWidth ? x + 16 : x - 12 - tooltip.offsetWidth;
    const top = y + 18 + tooltip.offsetHeight < stage.clientHeight ? y + 18 : y - 12 - tooltip.offsetHeight;
    tooltip.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }
  if (face === hovered) return;
  rows[hovered < 0 ? -1 : partOf(hovered)]?.classList.remove("hovered");
  rows[face < 0 ? -1 : partOf(face)]?.classList.add("hovered");
  hovered = face;
  redraw();
}

function select(face) {
  selected = face;
  if (face < 0) {
    delete status.dataset.face;
    status.textContent = HINT;
  } else {
    status.dataset.face = face;
    status.textContent = `${parts[partOf(face)].name} · face ${face}`;
  }
  redraw();
}

/** A click on a legend row: that part alone, or with `several` also the ones chosen before. */
function choose(part, several) {
  const wasOnlyOne = chosen.size === 1 && chosen.has(part);
  if (several && chosen.has(part)) chosen.delete(part);
  else {
    if (!several) chosen.clear();
    if (!wasOnlyOne) chosen.add(part);
  }
  choiceChanged();
}

function choiceChanged() {
  rows.forEach((row, part) => row?.setAttribute("aria-pressed", chosen.has(part)));
  if (gl && !gl.isContextLost()) uploadPalette();
  moved();
}

function percent(share) {
  if (share === 0) return "–";
  return share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

const rows = parts.map((part, i) => {
  if (i === 0 && part.faces === 0) return null; // every face has a label
  const row = element("button", part.faces ? "" : "empty");
  const swatch = element("i", "swatch"), bar = element("span", "bar"), fill = element("i", "");
  swatch.style.background = `rgb(${part.color})`;
  fill.style.width = `${100 * part.area}%`;
  bar.append(fill);
  row.append(swatch, element("span", "name", part.name), element("span", "share", percent(part.area)), bar);
  row.type = "button";
  row.title = `${part.name}: ${part.faces.toLocaleString("en")} faces`;
  row.setAttribute("aria-pressed", "false");
  row.addEventListener("click", (event) => choose(i, event.shiftKey || event.ctrlKey || event.metaKey));
  const item = document.createElement("li");
  item.append(row);
  byId("legend").append(item);
  return row;
});
if (rows[0]) byId("legend").append(rows[0].parentElement); // the unlabelled ones come last
byId("counts").textContent =
  `${numFaces.toLocaleString("en")} faces, ${numVertices.toLocaleString("en")} vertices`;

// ---------------------------------------------------------------- pointer

const pointers = new Map(); // those pressed now: id -> [x, y] in CSS pixels of the canvas
let travel = 0, panning = false, clickable = false;

const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

/** Centre of all pressed pointers and their spread, which pinching changes. */
function gesture() {
  const points = [...pointers.values()], [a, b = a] = points;
  return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, spread: Math.hypot(a[0] - b[0], a[1] - b[1]) };
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  canvas.classList.add("dragging");
  if (pointers.size === 0) [travel, panning] = [0, event.button !== 0 || event.shiftKey];
  clickable = pointers.size === 0 && event.button === 0;
  pointers.set(event.pointerId, place(event));
  hover(-1);
});

canvas.addEventListener("pointermove", (event) => {
  if (!pointers.has(event.pointerId)) {
    if (event.pointerType !== "touch") requestHover(place(event));
    return;
  }
  const before = gesture();
  pointers.set(event.pointerId, place(event));
  const after = gesture(), [dx, dy] = [after.x - before.x, after.y - before.y];
  travel += Math.hypot(dx, dy);
  if (travel < 4 && pointers.size === 1) return; // a click may tremble
  if (panning || pointers.size > 1) pan(dx, dy);
  else orbit(dx * 0.0075, dy * 0.0075);
  if (before.spread > 0) zoom(after.spread / before.spread, after.x, after.y);
});

function release(event) {
  if (!pointers.delete(event.pointerId)) return;
  if (pointers.size === 0) canvas.classList.remove("dragging");
  if (event.type === "pointerup" && clickable && travel < 4) select(pick(...place(event)));
  clickable = false;
}
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => { hoverAt = null; hover(-1); });
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("dblclick", reset);

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30);
  zoom(Math.exp(-clamp(pixels, -300, 300) * (event.ctrlKey ? 0.01 : 0.0015)), ...place(event));
  requestHover(place(event));
}, { passive: false });

let hoverAt = null; // where the pointer waits for the next frame: one look-up per frame is enough
function requestHover(point) {
  if (!hoverAt) requestAnimationFrame(() => {
    if (hoverAt && pointers.size === 0) hover(pick(...hoverAt), ...hoverAt);
    hoverAt = null;
  });
  hoverAt = point;
}

// ---------------------------------------------------------------- buttons and keys

function toggleWireframe() {
  wireframe = !wireframe;
  byId("wireframe").setAttribute("aria-pressed", wireframe);
  redraw();
}

function showUp() {
  byId("up").textContent = `Up: ${view.up.toUpperCase()}`;
}

function nextUp() {
  const axes = Object.keys(UP);
  view.up = axes[(axes.indexOf(view.up) + 1) % axes.length];
  showUp();
  moved();
}

function clear() {
  select(-1);
  chosen.clear();
  choiceChanged();
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS = { r: reset, w: toggleWireframe, u: nextUp, escape: clear };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  KEYS[event.key.toLowerCase()]?.();
});

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow && event.shiftKey) pan(30 * arrow[0], 30 * arrow[1]);
  else if (arrow) orbit(0.12 * arrow[0], 0.12 * arrow[1]);
  else if (event.key === "+" || event.key === "=") zoom(1.2);
  else if (event.key === "-") zoom(1 / 1.2);
  else if (event.key === "Enter" || event.key === " ") select(pick(canvas.clientWidth / 2, canvas.clientHeight / 2));
  else return;
  event.preventDefault();
});

byId("reset").addEventListener("click", reset);
byId("wireframe").addEventListener("click", toggleWireframe);
byId("up").addEventListener("click", nextUp);
byId("hide").addEventListener("change", moved);

// ---------------------------------------------------------------- start

function fail(text) {
  byId("message").textContent = text;
  byId("message").hidden = false;
}

function start() {
  try {
    setUp();
    byId("message").hidden = true;
    moved();
  } catch (error) {
    gl = null;
    fail(error.message);
  }
}

showUp();
gl = canvas.getContext("webgl2", { antialias: true });
if (gl) {
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault(); // asks the browser to bring it back
    fail("The graphics card was reset. Waiting for it to come back.");
  });
  canvas.addEventListener("webglcontextrestored", start);
  start();
  new ResizeObserver(([entry]) => {
    const box = entry.devicePixelContentBoxSize?.[0];
    const ratio = window.devicePixelRatio;
    canvas.width = Math.max(1, box?.inlineSize ?? Math.round(canvas.clientWidth * ratio));
    canvas.height = Math.max(1, box?.blockSize ?? Math.round(canvas.clientHeight * ratio));
    idsAreStale = true;
    draw(); // now, because a resized canvas is blank
  }).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
} else {
  fail("This page draws with WebGL 2, which this browser does not offer or has turned off.");
}
})();
