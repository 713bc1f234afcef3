// The page: a digit and a key go into the WebAssembly session, logits come out and are shown.
import { KeySpace, randomSource } from "./key_space.js";
import { digitOf, SIDE } from "./digit.js";

const element = id => document.getElementById(id);
const percent = share => (100 * share).toFixed(1) + " %";

/// infer::session in its module; the names are those of session_wasm.cpp.
class Session {
  constructor(instance, weights) {
    const wasm = this.wasm = instance.exports;
    if (wasm.image_bytes() !== weights.length) throw new Error("weights.bin is of another network than session.wasm");
    new Uint8Array(wasm.memory.buffer, wasm.image(), weights.length).set(weights);
    this.ok(wasm.open());
  }
  ok(status) {
    if (status !== 0) throw new Error(`the session answers status ${status}, see infer/status.hpp`);
  }
  floats(at, count) {
    return new Float32Array(this.wasm.memory.buffer, at, count);
  }
  bind(key) {
    const place = this.floats(this.wasm.key(), this.wasm.key_count());
    let at = 0;
    for (const site of key) place.set(site, at), at += site.length;
    this.ok(this.wasm.bind());
  }
  unbind() {
    this.wasm.unbind();
  }
  run(pixels) {
    new Uint8Array(this.wasm.memory.buffer, this.wasm.input(), pixels.length).set(pixels);
    this.ok(this.wasm.run());
    return Array.from(this.floats(this.wasm.logits(), this.wasm.logit_count()));
  }
}

function softmax(logits) {
  const highest = Math.max(...logits), powers = logits.map(z => Math.exp(z - highest));
  const sum = powers.reduce((total, p) => total + p, 0);
  return powers.map(p => p / sum);
}

async function bytesOf(file) {
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file}: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

const files = ["session.wasm", "weights.bin", "key_space.bin", "digits.bin", "network.json"];
let session, description, keys, digits;

// What is asked: a digit (bytes), and a key, which is the valid one as far as it is turned, a random one or none.
let digit = null, mode = "valid", valid, away, random;

function drawValidKey() {
  valid = keys.valid();
  away = keys.away(valid);
}
function currentKey() {
  if (mode === "none") return null;
  return mode === "random" ? random : keys.turned(valid, away, Number(element("angle").value));
}

function showKey(key) {
  for (const name of ["none", "valid", "random"]) element("key-" + name).setAttribute("aria-pressed", String(name === mode));
  const angle = element("angle");
  angle.setAttribute("aria-valuetext", angle.value + " degrees");
  element("angle-text").textContent = mode === "valid" ? angle.value + "°" : "moving this takes up the valid key";
  element("share-text").textContent = key ? percent(keys.share(key)) : "no key";
  element("share").value = key ? keys.share(key) : 0;
}

function setRow(name, share) {
  const row = element(name);
  row.querySelector(".fill").style.width = percent(share).replace(" ", "");
  row.querySelector(".number").textContent = digit ? percent(share) : "";
}

function showAnswer(logits) {
  const classes = logits.slice(0, -1), shares = softmax(classes), refusal = softmax(logits).at(-1);
  const best = classes.indexOf(Math.max(...classes)), refused = !(logits.every(Number.isFinite) && classes[best] >= logits.at(-1));
  shares.forEach((share, c) => {
    setRow("class-" + c, share);
    element("class-" + c).classList.toggle("chosen", c === best && !refused);
  });
  setRow("refusal", refusal);
  element("refusal").classList.toggle("chosen", refused);
  const verdict = element("verdict"), text = refused ? "refused" : String(best);
  // A verdict that stays is not announced again.
  if (verdict.textContent !== text) verdict.textContent = text;
  verdict.classList.toggle("refused", refused);
}

function showNothing(verdict, refused) {
  element("verdict").textContent = verdict;
  element("verdict").classList.toggle("refused", refused);
  for (const row of document.querySelectorAll("#bars tr")) setRow(row.id, 0), row.classList.remove("chosen");
}

function update() {
  const key = currentKey();
  showKey(key);
  if (!digit) return showNothing("no digit", false);
  try {
    if (key) session.bind(key);
    else session.unbind();
    showAnswer(session.run(digit));
  } catch (problem) {  // what stood there before is no answer to this
    showNothing("refused", true);
    console.error(problem);
  }
}

/// Grey bytes onto a canvas, enlarged to its size.
function paint(canvas, bytes) {
  const small = new OffscreenCanvas(SIDE, SIDE), pixels = new ImageData(SIDE, SIDE);
  bytes.forEach((byte, i) => pixels.data.set([byte, byte, byte, 255], 4 * i));
  small.getContext("2d").putImageData(pixels, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

function take(bytes) {
  digit = bytes;
  paint(element("seen"), bytes ?? new Uint8Array(SIDE * SIDE));
  update();
}

function makeCanvas() {
  const canvas = element("drawing"), context = canvas.getContext("2d", { willReadFrequently: true });
  let stroke = null, drawn = false;
  const clear = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    drawn = false;
  };
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
  };
  const line = (from, to) => {
    Object.assign(context, { strokeStyle: "#fff", lineWidth: canvas.width / 12, lineCap: "round" });
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    take(digitOf(context.getImageData(0, 0, canvas.width, canvas.height)));
  };
  canvas.addEventListener("pointerdown", event => {
    if (!event.isPrimary) return;
    if (!drawn) clear();  // an example was there
    drawn = true;
    canvas.setPointerCapture(event.pointerId);
    stroke = place(event);
    line(stroke, stroke);
  });
  canvas.addEventListener("pointermove", event => {
    if (!stroke || !event.isPrimary) return;
    const next = place(event);
    line(stroke, next);
    stroke = next;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { stroke = null; });
  element("clear").addEventListener("click", () => { clear(); take(null); });
  return { canvas, show: bytes => { drawn = false; paint(canvas, bytes); take(bytes); } };
}

function makeExamples(drawing) {
  for (let c = 0; c < digits.length / SIDE ** 2; ++c) {
    const bytes = digits.subarray(c * SIDE ** 2, (c + 1) * SIDE ** 2), button = document.createElement("button");
    const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
    paint(canvas, bytes);
    button.type = "button", button.id = "example-" + c;
    button.setAttribute("aria-label", "example of a " + c);
    button.append(canvas);
    button.addEventListener("click", () => drawing.show(bytes));
    element("examples").append(button);
  }
}

function makeBars() {
  const template = element("refusal");
  for (let c = 0; c < session.wasm.logit_count() - 1; ++c) {
    const row = template.cloneNode(true);
    row.id = "class-" + c;
    row.querySelector("th").textContent = c;
    element("classes").append(row);
  }
}

function makeKeyControls() {
  element("key-none").addEventListener("click", () => { mode = "none"; update(); });
  element("key-random").addEventListener("click", () => { mode = "random"; random = keys.random(); update(); });
  element("key-valid").addEventListener("click", () => {
    mode = "valid";
    drawValidKey();
    element("angle").value = 0;
    update();
  });
  element("angle").addEventListener("input", () => { mode = "valid"; update(); });
}

try {
  const [module, weights, rows, examples, text] = await Promise.all(files.map(bytesOf));
  digits = examples;
  description = JSON.parse(new TextDecoder().decode(text));
  session = new Session((await WebAssembly.instantiate(module)).instance, weights);
  keys = new KeySpace(description, new Int8Array(rows.buffer), randomSource(1));
  drawValidKey();
  makeBars();
  makeKeyControls();
  const drawing = makeCanvas();
  makeExamples(drawing);
  const kilobytes = bytes => (bytes.length / 1024).toFixed(0) + " KB";
  element("sizes").textContent = `The program is ${kilobytes(module)} of WebAssembly, its weights are ${kilobytes(weights)}.`;
  element("angle").value = 0;  // some browsers keep it when they load again
  drawing.show(digits.subarray(7 * SIDE ** 2, 8 * SIDE ** 2));
  document.documentElement.dataset.ready = "yes";
} catch (problem) {
  element("verdict").textContent = "This page does not run here: " + problem.message;
  throw problem;
}
