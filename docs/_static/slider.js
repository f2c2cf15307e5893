/* The slider page: exposes a picture in the browser as the library does.
 *
 * Stored are J, a JPEG at its automatic time T0, and a few cosine coefficients of the exponent S(3). Shown is
 * curve(J, (T - T0) / 3 * S(3)); S(3) is brought to full size by the guided filter of clode_core. No network.
 */
"use strict";

(function () {
  const RADIUS = 2, REGULARISATION = 4e-3, TRAINED_TIME = 3;
  const TABLE_END = 24, TABLE_STEPS = 1 << 16;
  const sigmoid = new Uint8Array(TABLE_STEPS + 1);
  for (let i = 0; i <= TABLE_STEPS; i++) {
    const x = (2 * i / TABLE_STEPS - 1) * TABLE_END;
    sigmoid[i] = Math.round(255 / (1 + Math.exp(-x)));
  }

  /** Coefficients in the order of their frequency, as docs/make_slider.py packs them. */
  function unpack(text, columns, rows) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const order = [];
    for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) order.push([y, x]);
    order.sort((a, b) => a[0] + a[1] - b[0] - b[1] || a[0] - b[0]);
    const signed = (byte) => (byte > 127 ? byte - 256 : byte);
    const channels = [];
    let at = 0;
    for (let c = 0; c < 3; c++) {
      const channel = new Float64Array(columns * rows);
      for (let k = 0; k < order.length; ) {
        const byte = bytes[at++];
        if (byte === 0) { k += bytes[at++]; continue; }
        let value = signed(byte);
        if (byte === 128) { value = bytes[at] + 256 * signed(bytes[at + 1]); at += 2; }
        channel[order[k][0] * columns + order[k][1]] = value;
        k++;
      }
      channels.push(channel);
    }
    return channels;
  }

  /** Inverse orthonormal cosine transform of one axis after the other. */
  function inverseCosine(values, columns, rows) {
    const along = (count) => {
      const table = new Float64Array(count * count);
      for (let n = 0; n < count; n++) for (let k = 0; k < count; k++) {
        table[n * count + k] = Math.cos(Math.PI * k * (n + 0.5) / count) * Math.sqrt((k ? 2 : 1) / count);
      }
      return table;
    };
    const across = along(columns), down = along(rows);
    const half = new Float64Array(columns * rows), out = new Float64Array(columns * rows);
    for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += values[y * columns + k] * across[x * columns + k];
      half[y * columns + x] = sum;
    }
    for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (let k = 0; k < rows; k++) sum += half[k * columns + x] * down[y * rows + k];
      out[y * columns + x] = sum;
    }
    return out;
  }

  function exponentOf(scene) {
    const [columns, rows] = scene.grid;
    const [green, red, blue] = unpack(scene.coefficients, columns, rows)
      .map((channel) => inverseCosine(channel.map((v) => v * scene.step), columns, rows));
    return [red.map((v, i) => v + green[i]), green, blue.map((v, i) => v + green[i])];
  }

  function curve(value, exponent) {
    const lit = value * Math.exp(exponent);
    return lit / (1 - value + lit);
  }

  /** Area average of the grey picture: rows first, then columns, as the library reduces it. */
  function reduced(grey, width, height, columns, rows) {
    const bands = new Float64Array(rows * width), small = new Float64Array(rows * columns);
    for (let y = 0; y < rows; y++) {
      const first = Math.floor(height * y / rows), stop = Math.floor(height * (y + 1) / rows);
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let r = first; r < stop; r++) sum += grey[r * width + x];
        bands[y * width + x] = sum / (stop - first);
      }
      for (let x = 0; x < columns; x++) {
        const left = Math.floor(width * x / columns), right = Math.ceil(width * (x + 1) / columns);
        let sum = 0;
        for (let c = left; c < right; c++) sum += bands[y * width + c];
        small[y * columns + x] = sum / (right - left);
      }
    }
    return small;
  }

  /** Mean over a window, of the pixels that exist. */
  function box(values, columns, rows) {
    const out = new Float64Array(values.length);
    for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
      let sum = 0, count = 0;
      for (let v = Math.max(0, y - RADIUS); v <= Math.min(rows - 1, y + RADIUS); v++) {
        for (let u = Math.max(0, x - RADIUS); u <= Math.min(columns - 1, x + RADIUS); u++) {
          sum += values[v * columns + u];
          count++;
        }
      }
      out[y * columns + x] = sum / count;
    }
    return out;
  }

  const times = (a, b) => a.map((v, i) => v * b[i]);

  /** Slope and offset of each channel: the exponent as a line in the guide, window by window. */
  function fits(maps, guide, columns, rows) {
    const mean = box(guide, columns, rows);
    const variance = box(times(guide, guide), columns, rows).map((v, i) => v - mean[i] * mean[i] + REGULARISATION);
    const total = box(variance, columns, rows);
    return maps.map((map) => {
      const level = box(map, columns, rows);
      const slope = box(times(map, guide), columns, rows).map((v, i) => (v - level[i] * mean[i]) / variance[i]);
      const offset = slope.map((v, i) => level[i] - v * mean[i]);
      return [slope, offset].map((fit) => box(times(variance, fit), columns, rows).map((v, i) => v / total[i]));
    });
  }

  /** Where a pixel lies between two of a smaller grid. */
  function between(count, size) {
    return Array.from({ length: size }, (_, i) => {
      const at = Math.min(count - 1, Math.max(0, (i + 0.5) * count / size - 0.5));
      const low = Math.floor(at);
      return [low, Math.min(count - 1, low + 1), at - low];
    });
  }

  /** All that does not depend on the slider: logit of every value, and the exponent of one unit of time. */
  function prepare(scene, pixels) {
    const [width, height] = scene.size, [columns, rows] = scene.grid, count = width * height;
    const grey = new Float64Array(count);
    for (let i = 0; i < count; i++) grey[i] = (pixels[4 * i] + pixels[4 * i + 1] + pixels[4 * i + 2]) / 765;
    const guide = reduced(grey, width, height, columns, rows).map((v) => curve(v, scene.guide));
    const fitted = fits(exponentOf(scene), guide, columns, rows);
    const across = between(columns, width), down = between(rows, height);
    const logits = Float32Array.from({ length: 256 }, (_, v) => Math.log(v / (255 - v)));
    const logit = new Float32Array(3 * count), speed = new Float32Array(3 * count);
    for (let y = 0; y < height; y++) {
      const [above, below, v] = down[y];
      for (let x = 0; x < width; x++) {
        const [left, right, u] = across[x], i = y * width + x, g = curve(grey[i], scene.guide);
        for (let c = 0; c < 3; c++) {
          const [slope, offset] = fitted[c].map((map) => {
            const upper = map[above * columns + left] * (1 - u) + map[above * columns + right] * u;
            const lower = map[below * columns + left] * (1 - u) + map[below * columns + right] * u;
            return upper * (1 - v) + lower * v;
          });
          logit[3 * i + c] = logits[pixels[4 * i + c]];
          speed[3 * i + c] = (slope * g + offset) / TRAINED_TIME;
        }
      }
    }
    return { logit, speed };
  }

  /** The picture at an exposure time. Black and white stay: their logits are infinite. */
  function expose(scene, ready, time, image) {
    const { logit, speed } = ready, data = image.data, away = time - scene.auto;
    const scale = TABLE_STEPS / (2 * TABLE_END), half = TABLE_STEPS / 2;
    for (let i = 0, o = 0; i < logit.length; i += 3, o += 4) {
      for (let c = 0; c < 3; c++) {
        const at = (logit[i + c] + away * speed[i + c]) * scale + half;
        data[o + c] = sigmoid[at < 0 ? 0 : at > TABLE_STEPS ? TABLE_STEPS : (at + 0.5) | 0];
      }
      data[o + 3] = 255;
    }
  }

  function start(root) {
    const canvas = root.querySelector("canvas"), range = root.querySelector("input[type=range]");
    const output = root.querySelector("output"), choice = root.querySelector("select");
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const known = new Map();
    let scene, ready, image, pending = false;

    function draw() {
      pending = false;
      const time = Number(range.value);
      output.textContent = "T = " + time.toFixed(2);
      range.setAttribute("aria-valuetext", "exposure time " + time.toFixed(2));
      if (!ready) return;
      expose(scene, ready, time, image);
      context.putImageData(image, 0, 0);
      canvas.dataset.shown = scene.name + " " + time.toFixed(2);
    }

    function later() {
      if (!pending) { pending = true; requestAnimationFrame(draw); }
    }

    function move(time) { range.value = String(time); later(); }

    function open(name) {
      scene = window.clodeScenes.find((one) => one.name === name);
      ready = known.get(name);
      canvas.setAttribute("aria-label", scene.alt + ", at the exposure time of the slider");
      if (ready) { size(); move(scene.auto); return; }
      const picture = new Image(), wanted = scene;
      picture.onload = () => {
        if (scene !== wanted) return;
        size();
        context.drawImage(picture, 0, 0);
        ready = prepare(scene, context.getImageData(0, 0, canvas.width, canvas.height).data);
        known.set(name, ready);
        move(scene.auto);
      };
      picture.src = scene.picture;
    }

    function size() {
      [canvas.width, canvas.height] = scene.size;
      image = context.createImageData(canvas.width, canvas.height);
    }

    for (const one of window.clodeScenes) choice.add(new Option(one.title, one.name));
    range.addEventListener("input", later);
    choice.addEventListener("change", () => open(choice.value));
    root.querySelector("[data-auto]").addEventListener("click", () => move(scene.auto));
    root.querySelector("[data-none]").addEventListener("click", () => move(0));
    root.hidden = false;
    open(choice.value);
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".clode-slider").forEach(start));
})();
