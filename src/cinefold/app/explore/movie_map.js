// The map of the movies on a canvas: move, zoom, point, choose. What it shows comes from Python as
// data; what it says back is the id of the movie chosen. Titles are drawn or set as text, never as
// HTML. `painter.js` precedes it in the same module.

const FARTHEST = 1;
const CLOSEST = 14;
const FLIGHT_MS = 700;
const CLICK_SLACK = 6; // pixels a finger may slip and still click
const REACH = { mouse: 16, touch: 26 }; // pixels from a movie that still mean it

const maps = new WeakMap();

export default function show({ data, parentElement, setTriggerValue }) {
  let map = maps.get(parentElement);
  if (!map) {
    map = new MovieMap(parentElement);
    maps.set(parentElement, map);
  }
  map.onChoose = (id) => setTriggerValue("chosen", id);
  map.update(data);
  return () => {
    map.close();
    maps.delete(parentElement);
  };
}

class MovieMap {
  constructor(root) {
    const part = (name) => root.querySelector(`[data-part=${name}]`);
    this.frame = part("frame");
    this.canvas = part("canvas");
    this.tip = part("tip");
    this.said = part("said");
    this.legend = part("legend");
    this.view = { x: 0, y: 0, zoom: FARTHEST };
    this.flight = null;
    this.pointed = -1;
    this.fingers = new Map();
    this.painter = new Painter(this);
    this.stopper = new AbortController();
    this.watch(part);
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.frame);
  }

  close() {
    this.stopper.abort();
    this.sizes.disconnect();
    cancelAnimationFrame(this.animation);
  }

  update(data) {
    if (this.data?.movies.id !== data.movies.id) this.rows = new Map(data.movies.id.map((id, i) => [id, i]));
    const first = this.flight === null;
    this.data = data;
    this.frame.setAttribute("aria-label", data.description);
    this.drawLegend();
    if (data.flight !== this.flight) {
      this.flight = data.flight;
      this.flyTo(data.target ?? { x: 0, y: 0, zoom: FARTHEST }, first ? 0 : FLIGHT_MS);
    }
    this.draw();
  }

  movie(row) {
    const { id, title, x, y } = this.data.movies;
    return { id: id[row], title: title[row], x: x[row], y: y[row] };
  }

  // -- the view ----------------------------------------------------------------------------------

  get size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  toPixels(x, y) {
    const { width, height } = this.size;
    const { zoom } = this.view;
    return [
      width / 2 + ((x - this.view.x) * zoom * width * 0.96) / 2,
      height / 2 - ((y - this.view.y) * zoom * height * 0.94) / 2,
    ];
  }

  look(view) {
    const zoom = Math.min(CLOSEST, Math.max(FARTHEST, view.zoom));
    const slack = 1 - 1 / zoom + 0.15 * (zoom > FARTHEST);
    const clamp = (value) => Math.min(slack, Math.max(-slack, value));
    this.view = { x: clamp(view.x), y: clamp(view.y), zoom };
    // The whole map leaves a finger's up and down to the page; a part of it is moved about.
    this.canvas.style.touchAction = zoom > FARTHEST ? "none" : "pan-y";
    this.draw();
  }

  // Keeps what lies under the pixel where it is.
  zoomAt(px, py, factor) {
    const { width, height } = this.size;
    const before = this.view;
    const zoom = Math.min(CLOSEST, Math.max(FARTHEST, before.zoom * factor));
    const gain = 1 / before.zoom - 1 / zoom;
    this.look({
      x: before.x + ((px - width / 2) / (width * 0.48)) * gain,
      y: before.y - ((py - height / 2) / (height * 0.47)) * gain,
      zoom,
    });
  }

  zoomMiddle(factor) {
    const { width, height } = this.size;
    this.zoomAt(width / 2, height / 2, factor);
  }

  move(dx, dy) {
    const { width, height } = this.size;
    const { x, y, zoom } = this.view;
    this.look({ x: x - dx / (width * 0.48 * zoom), y: y + dy / (height * 0.47 * zoom), zoom });
  }

  flyTo(target, duration) {
    cancelAnimationFrame(this.animation);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!duration || still) return this.look(target);
    const from = this.view;
    const begin = performance.now();
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - begin) / duration));
      const eased = t < 0.5 ? 4 * t ** 3 : 1 - (-2 * t + 2) ** 3 / 2;
      const mix = (a, b) => a + (b - a) * eased;
      this.look({
        x: mix(from.x, target.x),
        y: mix(from.y, target.y),
        zoom: Math.exp(mix(Math.log(from.zoom), Math.log(target.zoom))),
      });
      if (t < 1) this.animation = requestAnimationFrame(step);
    };
    this.animation = requestAnimationFrame(step);
  }

  // -- hands -------------------------------------------------------------------------------------

  watch(part) {
    const on = (target, type, handler, options) =>
      target.addEventListener(type, handler, { signal: this.stopper.signal, ...options });
    on(this.canvas, "pointerdown", (event) => this.press(event));
    on(this.canvas, "pointermove", (event) => this.drag(event));
    on(this.canvas, "pointerup", (event) => this.release(event));
    on(this.canvas, "pointercancel", (event) => this.fingers.delete(event.pointerId));
    on(this.canvas, "pointerleave", () => this.point(-1));
    on(this.canvas, "dblclick", (event) => this.zoomAt(event.offsetX, event.offsetY, 2));
    on(this.canvas, "wheel", (event) => this.wheel(event), { passive: false });
    on(this.frame, "keydown", (event) => this.key(event));
    on(this.frame, "blur", () => this.point(-1));
    on(part("closer"), "click", () => this.zoomMiddle(1.8));
    on(part("further"), "click", () => this.zoomMiddle(1 / 1.8));
    on(part("all"), "click", () => this.flyTo({ x: 0, y: 0, zoom: FARTHEST }, FLIGHT_MS));
  }

  press(event) {
    cancelAnimationFrame(this.animation);
    this.fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    this.slipped = this.fingers.size > 1 ? Infinity : 0;
    this.canvas.setPointerCapture(event.pointerId);
  }

  drag(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return this.point(this.nearest(event.offsetX, event.offsetY, REACH.mouse));
    const now = [event.offsetX, event.offsetY];
    const others = [...this.fingers].filter(([id]) => id !== event.pointerId);
    this.fingers.set(event.pointerId, now);
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    if (others.length) {
      const [[, other]] = others;
      const distance = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
      const ratio = distance(now) / Math.max(1, distance(before));
      this.zoomAt((now[0] + other[0]) / 2, (now[1] + other[1]) / 2, ratio);
      this.move(dx / 2, dy / 2);
      return undefined;
    }
    this.slipped += Math.hypot(dx, dy);
    if (this.slipped > CLICK_SLACK) this.move(dx, dy);
    return undefined;
  }

  release(event) {
    const pressed = this.fingers.delete(event.pointerId);
    if (!pressed || this.slipped > CLICK_SLACK) return;
    const reach = REACH[event.pointerType] ?? REACH.mouse;
    this.choose(this.nearest(event.offsetX, event.offsetY, reach));
  }

  // The wheel is the page's until the map is in use, so that nobody is caught in it.
  wheel(event) {
    const mine = event.ctrlKey || event.metaKey || this.frame.contains(this.frame.getRootNode().activeElement);
    if (!mine) return;
    event.preventDefault();
    this.zoomAt(event.offsetX, event.offsetY, Math.exp(-event.deltaY / 400));
  }

  key(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.target !== this.frame || event.ctrlKey || event.metaKey || event.altKey) return;
    if (ways[event.key]) this.step(...ways[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.choose(this.pointed);
    else if (event.key === "+" || event.key === "=") this.zoomMiddle(1.5);
    else if (event.key === "-") this.zoomMiddle(1 / 1.5);
    else if (event.key === "0") this.flyTo({ x: 0, y: 0, zoom: FARTHEST }, FLIGHT_MS);
    else return;
    event.preventDefault();
  }

  // The next movie in a direction: near, and not far off the line.
  step(dx, dy) {
    const { x, y } = this.data.movies;
    const from = this.pointed >= 0 ? this.pointed : (this.rows.get(this.data.chosen?.id) ?? -1);
    if (from < 0) return this.point(0, true);
    const [fx, fy] = this.toPixels(x[from], y[from]);
    let [best, least] = [-1, Infinity];
    for (let i = 0; i < x.length; i += 1) {
      const [px, py] = this.toPixels(x[i], y[i]);
      const along = (px - fx) * dx + (py - fy) * dy;
      const aside = Math.abs((px - fx) * dy - (py - fy) * dx);
      if (along > 1 && along + 3 * aside < least) [best, least] = [i, along + 3 * aside];
    }
    return best >= 0 ? this.point(best, true) : undefined;
  }

  nearest(px, py, reach) {
    const { x, y } = this.data.movies;
    let [best, least] = [-1, reach];
    for (let i = 0; i < x.length; i += 1) {
      const [qx, qy] = this.toPixels(x[i], y[i]);
      const distance = Math.hypot(qx - px, qy - py) - this.painter.radius(i) / 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  point(row, withKey = false) {
    if (row === this.pointed) return;
    this.pointed = row;
    this.canvas.style.cursor = row >= 0 ? "pointer" : "grab";
    if (withKey) {
      const { movies } = this.data;
      this.said.textContent = `${movies.title[row]}, ${movies.about[row]}`;
      const [px, py] = this.toPixels(movies.x[row], movies.y[row]);
      const { width, height } = this.size;
      if (px < 20 || py < 20 || px > width - 20 || py > height - 20) {
        this.look({ ...this.view, x: movies.x[row], y: movies.y[row] });
      }
    }
    this.draw();
  }

  choose(row) {
    if (row < 0) return;
    const chosen = this.movie(row);
    this.data = { ...this.data, chosen, near: [] };
    this.draw();
    this.onChoose(chosen.id);
  }

  // -- drawing -----------------------------------------------------------------------------------

  draw() {
    if (this.waiting || !this.data) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.paint();
    });
  }

  paint() {
    this.painter.paint();
    this.placeTip();
  }

  placeTip() {
    this.tip.hidden = this.pointed < 0;
    if (this.tip.hidden) return;
    const { movies } = this.data;
    const [title, about] = this.tip.children;
    title.textContent = movies.title[this.pointed];
    about.textContent = movies.about[this.pointed];
    const { width } = this.size;
    const [px, py] = this.toPixels(movies.x[this.pointed], movies.y[this.pointed]);
    const [wide, high] = [this.tip.offsetWidth, this.tip.offsetHeight];
    const left = Math.min(Math.max(4, px - wide / 2), width - wide - 4);
    this.tip.style.transform = `translate(${left}px, ${py > high + 24 ? py - high - 16 : py + 16}px)`;
  }

  drawLegend() {
    const { dark } = this.painter.readStyle();
    const palette = dark ? this.data.colours.dark : this.data.colours.light;
    const entries = this.data.names.map((name, number) => {
      const entry = document.createElement("li");
      const dot = document.createElement("span");
      dot.style.backgroundColor = palette[number];
      entry.append(dot, name);
      return entry;
    });
    this.legend.replaceChildren(...entries);
  }
}
