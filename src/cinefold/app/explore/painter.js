// How the map of the movies is painted (`movie_map.js` follows in the same module).

const LABEL_HEIGHT = 17;
const LABEL_AREA = 11000; // square pixels of the map for one label

class Painter {
  constructor(map) {
    this.map = map;
    this.seen = [];
    this.widths = new Map();
  }

  paint() {
    const { canvas, size: { width, height } } = this.map;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.style = this.readStyle();
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.paintFilms(pen);
    this.paintMarks(pen);
    this.paintTitles(pen);
  }

  readStyle() {
    const style = getComputedStyle(this.map.frame);
    const channels = style.backgroundColor.match(/[\d.]+/g).map(Number);
    const dark = 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2] < 128;
    return { ink: style.color, paper: style.backgroundColor, font: style.fontFamily, dark };
  }

  colour(number) {
    const { dark, light } = this.map.data.colours;
    return (this.style.dark ? dark : light)[number];
  }

  radius(row) {
    const { width } = this.map.size;
    const closer = Math.sqrt(Math.sqrt(this.map.view.zoom)) * Math.min(1, 0.62 + width / 2100);
    return (1.7 + 7.4 * Math.sqrt(this.map.data.movies.weight[row])) * closer;
  }

  paintFilms(pen) {
    const { x, y, genre } = this.map.data.movies;
    const { width, height } = this.map.size;
    const others = this.map.data.names.length - 1;
    this.seen = [];
    // The best known are first in the data and last on the paper: a small dot hides none.
    for (const background of [true, false]) {
      for (let i = 0; i < x.length; i += 1) {
        if ((genre[i] === others) === background) {
          const [px, py] = this.map.toPixels(x[i], y[i]);
          if (px > -12 && py > -12 && px < width + 12 && py < height + 12) {
            this.seen.push(i);
            pen.globalAlpha = background ? 0.5 : 0.85;
            pen.beginPath();
            pen.arc(px, py, this.radius(i), 0, 2 * Math.PI);
            pen.fillStyle = this.colour(genre[i]);
            pen.fill();
            pen.lineWidth = 0.7;
            pen.strokeStyle = this.style.paper;
            pen.stroke();
          }
        }
      }
    }
    pen.globalAlpha = 1;
    this.seen.sort((a, b) => a - b);
  }

  paintMarks(pen) {
    const { chosen, near } = this.map.data;
    pen.strokeStyle = this.style.ink;
    if (chosen) {
      const [cx, cy] = this.map.toPixels(chosen.x, chosen.y);
      for (const movie of near) {
        const [px, py] = this.map.toPixels(movie.x, movie.y);
        pen.globalAlpha = 0.35;
        pen.lineWidth = 1;
        pen.beginPath();
        pen.moveTo(cx, cy);
        pen.lineTo(px, py);
        pen.stroke();
        pen.globalAlpha = 1;
        this.ring(pen, px, py, this.ringRadius(movie.id), 1.5);
      }
      this.ring(pen, cx, cy, this.ringRadius(chosen.id) + 3, 3);
    }
    const { pointed } = this.map;
    if (pointed >= 0) {
      const { x, y } = this.map.movie(pointed);
      this.ring(pen, ...this.map.toPixels(x, y), this.radius(pointed) + 3, 2);
    }
  }

  ringRadius(id) {
    const row = this.map.rows.get(id);
    return (row === undefined ? 5 : this.radius(row)) + 2;
  }

  ring(pen, px, py, radius, width) {
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(px, py, radius, 0, 2 * Math.PI);
    pen.stroke();
  }

  // Titles where there is room, the chosen movie and its neighbours first, then the best known.
  paintTitles(pen) {
    const { near, chosen } = this.map.data;
    const { width, height } = this.map.size;
    const wanted = [...(chosen ? [chosen] : []), ...near, ...this.seen.map((i) => this.map.movie(i))];
    const most = Math.round((width * height) / LABEL_AREA) + near.length;
    const taken = [];
    const written = new Set();
    for (const label of wanted) {
      if (taken.length >= most) break;
      const box = written.has(label.id) ? null : this.labelBox(pen, label);
      const certain = label.id === chosen?.id;
      const fits = box && box.left > 2 && box.right < width - 2 && box.top > 2 && box.bottom < height - 2;
      const clear = box && !taken.some((other) => overlap(box, other));
      if (box && (certain || (fits && clear))) {
        taken.push(box);
        written.add(label.id);
        this.write(pen, box, certain);
      }
    }
  }

  labelBox(pen, { x, y, title, id }) {
    const text = title.length > 34 ? `${title.slice(0, 32)}…` : title;
    pen.font = `600 12px ${this.style.font}`;
    if (!this.widths.has(text)) this.widths.set(text, pen.measureText(text).width);
    const half = this.widths.get(text) / 2 + 4;
    const [px, py] = this.map.toPixels(x, y);
    const bottom = py - this.ringRadius(id) - 2;
    return { text, px, left: px - half, right: px + half, top: bottom - LABEL_HEIGHT, bottom };
  }

  write(pen, box, strong) {
    pen.font = `${strong ? 700 : 600} 12px ${this.style.font}`;
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    pen.lineJoin = "round";
    pen.lineWidth = 3.5;
    pen.globalAlpha = 0.9;
    pen.strokeStyle = this.style.paper;
    pen.strokeText(box.text, box.px, box.bottom - 4);
    pen.globalAlpha = 1;
    pen.fillStyle = this.style.ink;
    pen.fillText(box.text, box.px, box.bottom - 4);
  }
}

function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
