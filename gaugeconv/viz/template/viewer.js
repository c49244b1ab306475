const byId = (id) => document.getElementById(id);
const meta = JSON.parse(byId("meta").textContent);
const canvas = byId("canvas"), tooltip = byId("tooltip"), dot = byId("dot"), status = byId("status");
const HINT = meta.labelled ? "Click a face to see its part" : "Click a face to see its values";
status.textContent = HINT;

// ---------------------------------------------------------------- data

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

// Fields that colour the surface, one at a time; first the plain surface when there are no parts.
const surfaces = meta.labelled ? meta.surfaces : [...meta.surfaces, { kind: "parts", name: "Plain" }];
for (const surface of surfaces) if (surface.block) surface.values = decode(surface.block, Float32Array);
const layers = meta.layers; // drawn on the surface, each shown or hidden
for (const layer of layers) {
  layer.shown = true;
  layer.words = decode(layer.block, Float32Array); // x y z width of start and end
  if (layer.columns) layer.values = decode(`${layer.block}-values`, Float32Array);
}
const partOf = (face) => faces[4 * face + 3] >>> 3;

// ---------------------------------------------------------------- state

const FRONT = meta.view; // yaw, pitch, zoom, target
const MAX_PAN = 1.5, MIN_ZOOM = 0.3, MAX_ZOOM = 400;
const UP = { y: [1, 0, 0, 0, 1, 0, 0, 0, 1], z: [1, 0, 0, 0, 0, 1, 0, -1, 0], x: [0, -1, 0, 1, 0, 0, 0, 0, 1] };

const view = { ...FRONT, up: meta.up };
const chosen = new Set(); // parts highlighted through the legend
let hovered = -1, selected = -1; // face indices, -1 for none
let wireframe = false;
let surface = surfaces[0]; // the field that colours the surface

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

let gl = null, drawing = null, picking = null, stroking = null, idBuffer = null;
const textures = []; // by unit: positions, faces, palette, values, colour map, strokes
let idsAreStale = true, frameRequested = false;

function program(vertex, fragment) {
  const handle = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
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

/** Records of `size` words as a texture of full rows, bound to `unit` instead of what was there. */
function dataTexture(unit, words, size, internalFormat, format, type) {
  const limit = gl.getParameter(gl.MAX_TEXTURE_SIZE), count = words.length / size;
  const width = clamp(count, 1, Math.min(limit, 4096)), height = Math.max(1, Math.ceil(count / width));
  if (height > limit) throw new Error("This mesh is too large for the graphics hardware.");
  const padded = new words.constructor(width * height * size);
  padded.set(words);
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.deleteTexture(textures[unit] ?? null);
  textures[unit] = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, textures[unit]);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texImage2D(gl.TEXTURE_2D, 0, internalFormat, width, height, 0, format, type, padded);
}

function uploadPalette() {
  const height = Math.ceil(parts.length / 256), pixels = new Uint8Array(256 * height * 4);
  parts.forEach((part, i) => pixels.set([...part.color, isShown(i) ? 255 : 0], 4 * i));
  gl.activeTexture(gl.TEXTURE2);
  gl.deleteTexture(textures[2] ?? null);
  textures[2] = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, textures[2]);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
}

/** The 256 colours of a colour map, as rows of red, green, blue. */
const mapColors = (colors) => Array.from({ length: 256 }, (_, i) =>
  [0, 2, 4].map((j) => parseInt(colors.slice(6 * i + j, 6 * i + j + 2), 16)));

function uploadSurface() {
  dataTexture(3, surface.values ?? new Float32Array(2 * numVertices), 2, gl.RG32F, gl.RG, gl.FLOAT);
  const colors = surface.colors ? mapColors(surface.colors) : [[0, 0, 0]];
  dataTexture(4, new Uint8Array(colors.flatMap((color) => [...color, 255])), 4, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE);
}

function uploadStrokes() {
  const words = new Float32Array(layers.reduce((size, layer) => size + layer.words.length, 0));
  let start = 0;
  for (const layer of layers) {
    words.set(layer.words, start);
    layer.first = start / 8;
    start += layer.words.length;
  }
  dataTexture(5, words, 4, gl.RGBA32F, gl.RGBA, gl.FLOAT);
}

/** Everything that lives on the graphics card; run again after a lost context comes back. */
function setUp() {
  textures.length = 0;
  drawing = program(VERTEX, FRAGMENT);
  picking = program(VERTEX, PICK);
  stroking = program(STROKE_VERTEX, STROKE_FRAGMENT);
  dataTexture(0, positions, 3, gl.RGB32F, gl.RGB, gl.FLOAT);
  dataTexture(1, faces, 4, gl.RGBA32UI, gl.RGBA_INTEGER, gl.UNSIGNED_INT);
  uploadPalette();
  uploadSurface();
  uploadStrokes();
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

function look({ handle, uniforms }) {
  gl.useProgram(handle);
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.uniformMatrix3fv(uniforms.rotation, true, rotation());
  gl.uniform3fv(uniforms.target, view.target);
  gl.uniform4f(uniforms.lens, ...lens(), (FAR + NEAR) / (NEAR - FAR), 2 * FAR * NEAR / (NEAR - FAR));
  gl.uniform1f(uniforms.pixelRatio, canvas.width / Math.max(1, canvas.clientWidth));
}

function drawFaces(program) {
  const { uniforms } = program;
  look(program);
  ["positions", "faces", "palette", "values", "colorMap"].forEach((name, unit) => gl.uniform1i(uniforms[name], unit));
  gl.uniform1f(uniforms.stretch, surface.stretch ?? Infinity);
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
  gl.uniform1i(uniforms.kind, ["parts", "scalar", "polar"].indexOf(surface.kind));
  gl.uniform1f(uniforms.radius, surface.radius ?? 1);
  gl.uniform1f(uniforms.rings, surface.rings ?? 1);
  gl.uniform1f(uniforms.sectors, surface.sectors ?? 1);
  gl.uniform3fv(uniforms.plain, meta.plain.map((x) => x / 255));
  gl.uniform3fv(uniforms.faded, cssColor("--faded"));
  gl.uniform3fv(uniforms.ink, cssColor("--ink"));
  drawFaces(drawing);
  drawStrokes();
}

function drawStrokes() {
  const { uniforms } = stroking;
  look(stroking);
  gl.uniform1i(uniforms.strokes, 5);
  gl.uniform2f(uniforms.viewport, canvas.width, canvas.height);
  for (const layer of layers.filter((one) => one.shown)) {
    gl.uniform1f(uniforms.lift, layer.lift);
    let first = layer.first;
    for (const { color, count } of layer.strokes) {
      gl.uniform1i(uniforms.first, first);
      gl.uniform3fv(uniforms.color, color.map((x) => x / 255));
      gl.drawArrays(gl.TRIANGLES, 0, 6 * count);
      first += count;
    }
  }
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

/** Where a vertex is on the canvas, in CSS pixels. */
function onCanvas(vertex) {
  const r = rotation(), [x, y, z] = [0, 3, 6].map((row) => [0, 1, 2].reduce((sum, i) =>
    sum + r[row + i] * (positions[3 * vertex + i] - view.target[i]), 0));
  const [sx, sy] = lens(), depth = DISTANCE - z;
  return [0.5 * canvas.clientWidth * (1 + sx * x / depth), 0.5 * canvas.clientHeight * (1 - sy * y / depth)];
}

/** The corner of a face that is nearest to a point of the canvas. */
function nearestCorner(face, x, y) {
  const gap = (vertex) => { const [u, v] = onCanvas(vertex); return Math.hypot(u - x, v - y); };
  return [...faces.subarray(4 * face, 4 * face + 3)].reduce((best, vertex) => gap(vertex) < gap(best) ? vertex : best);
}

function number(x) {
  const size = Math.abs(x);
  return (size !== 0 && (size < 1e-3 || size >= 1e5) ? x.toExponential(3) : Number(x.toPrecision(4)).toString()).replace("-", "\u2212");
}

/** Name and value of every field at a vertex, where it has one. */
function fieldsAt(vertex) {
  const rows = [];
  for (const one of surfaces.filter((surface) => surface.values)) {
    const [u, v] = one.values.subarray(2 * vertex, 2 * vertex + 2);
    if (one.kind === "scalar") rows.push([one.name, number(one.low + u * (one.high - one.low))]);
    else if (Math.hypot(u, v) < 1e5) rows.push([one.name,
      `r ${number(meta.scale * Math.hypot(u, v))}, \u03b8 ${number(Math.atan2(v, u) * 180 / Math.PI)}\u00b0`]);
  }
  for (const { name, columns, values } of layers.filter((layer) => layer.columns)) {
    const own = [...values.subarray(columns * vertex, columns * (vertex + 1))];
    if (!own.some(Number.isNaN)) rows.push([name, `(${own.map(number).join(", ")})`]);
  }
  return rows;
}

/** Puts the fields' values into a node, a line each. */
function listFields(node, vertex) {
  const rows = [["vertex", String(vertex)], ...fieldsAt(vertex)];
  node.replaceChildren(...rows.map(([name, value]) => {
    const line = element("div", "");
    line.append(element("span", "", `${name} `), element("b", "", value));
    return line;
  }));
}

function hover(face, x, y) {
  tooltip.hidden = dot.hidden = face < 0;
  if (face >= 0) {
    const part = parts[partOf(face)], [swatch, name, index, values] = tooltip.children;
    const vertex = nearestCorner(face, x, y), [u, v] = onCanvas(vertex);
    swatch.hidden = !meta.labelled;
    swatch.style.background = `rgb(${part.color})`;
    name.textContent = meta.labelled ? part.name : "";
    index.textContent = `face ${face}`;
    listFields(values, vertex);
    dot.style.transform = `translate(${u}px, ${v}px)`;
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

/** Selects the face at a point of the canvas, or none, and reports its part and its nearest vertex. */
function selectAt(x, y) {
  select(pick(x, y), x, y);
}

function select(face, x, y) {
  selected = face;
  if (face < 0) {
    delete status.dataset.face;
    status.textContent = HINT;
  } else {
    const vertex = nearestCorner(face, x, y), values = fieldsAt(vertex);
    status.dataset.face = face;
    status.textContent = [
      ...(meta.labelled ? [parts[partOf(face)].name] : []), `face ${face}`,
      ...(values.length ? [`vertex ${vertex}`] : []), ...values.map(([name, value]) => `${name} ${value}`),
    ].join(" \u00b7 ");
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
  if (!meta.labelled || (i === 0 && part.faces === 0)) return null; // every face has a label
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

// ---------------------------------------------------------------- fields and layers

/** A row with a radio button or a checkbox, and swatches with their labels below it. */
function option(type, group, name, checked, change) {
  const label = element("label", "option"), input = document.createElement("input");
  Object.assign(input, { type, name: group, checked });
  input.addEventListener("change", () => change(input.checked));
  label.append(input, element("span", "", name));
  return label;
}

function showSurface(chosenSurface) {
  surface = chosenSurface;
  chosen.clear();
  byId("hide").checked = false;
  choiceChanged();
  if (gl && !gl.isContextLost()) uploadSurface();
  const plain = surface.kind === "parts";
  byId("parts").hidden = !(plain && meta.labelled);
  byId("scale").hidden = plain;
  if (!plain) showScale();
}

/** The colour bar of a scalar field, or the meaning of rings and sectors. */
function showScale() {
  const colors = mapColors(surface.colors).filter((_, i) => i % 15 === 0), bar = byId("bar");
  const isScalar = surface.kind === "scalar", step = meta.scale * surface.radius / surface.rings;
  byId("scale-name").textContent = surface.name;
  bar.className = surface.kind;
  bar.style.background = isScalar
    ? `linear-gradient(to right, ${colors.map((color) => `rgb(${color})`)})`
    : `conic-gradient(from 90deg, ${[...colors].reverse().map((color) => `rgb(${color})`)})`;
  const ticks = isScalar
    ? [surface.low, (surface.low + surface.high) / 2, surface.high].map(number)
    : [`Rings every ${number(step)}, to ${number(meta.scale * surface.radius)}. Sectors of ${360 / surface.sectors}\u00b0; the bold line is \u03b8 = 0.`];
  byId("ticks").replaceChildren(...ticks.map((tick) => element("span", "", tick)));
}

function showLayers() {
  for (const layer of layers) {
    const row = option("checkbox", "layer", layer.name, true, (on) => { layer.shown = on; redraw(); });
    byId("layers").append(row);
    for (const { label, color } of layer.strokes.filter((strokes) => strokes.label !== layer.name)) {
      const key = element("div", "key"), swatch = element("i", "swatch");
      swatch.style.background = `rgb(${color})`;
      key.append(swatch, element("span", "", label));
      byId("layers").append(key);
    }
    if (layer.strokes.length === 1 && layer.strokes[0].label === layer.name) {
      const swatch = element("i", "swatch");
      swatch.style.background = `rgb(${layer.strokes[0].color})`;
      row.insertBefore(swatch, row.lastChild);
    }
  }
  byId("drawn").hidden = layers.length === 0;
  byId("choice").hidden = surfaces.length < 2;
  surfaces.forEach((one, i) => byId("surfaces").append(
    option("radio", "surface", one.name, i === 0, () => showSurface(one))));
}

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
  if (event.type === "pointerup" && clickable && travel < 4) selectAt(...place(event));
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
  else if (event.key === "Enter" || event.key === " ") selectAt(canvas.clientWidth / 2, canvas.clientHeight / 2);
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
showLayers();
gl = canvas.getContext("webgl2", { antialias: true });
if (gl) {
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault(); // asks the browser to bring it back
    fail("The graphics card was reset. Waiting for it to come back.");
  });
  canvas.addEventListener("webglcontextrestored", start);
  start();
  showSurface(surface);
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
