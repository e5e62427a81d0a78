'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const canvas = document.getElementById('canvas'), world = document.getElementById('world');
const tip = document.getElementById('tip'), said = document.getElementById('said');
const opened = new Set(), nodes = new Map(), parents = new Map(), elements = new Map();
const PAD = 8, STRIPE = 4, NEAR = 0.06;
let view = {x: 0, y: 0, scale: 1}, size = {w: 1, h: 1}, found = null;

function learn(fragment, parent) {
  for (const node of fragment.n) {
    nodes.set(node.i, node);
    parents.set(node.i, parent);
    if (node.f) learn(node.f, node.i);
  }
}

// Each block was laid out with everything in it closed. An open block is larger than its card: what lies right of its
// middle moves right by half of what it grew by, what lies left moves left, what lies below moves down. Nothing that
// was apart comes together, and what stood on one line still does.
function arrange(fragment) {
  const grown = fragment.n.map(node => {
    if (!node.f || !opened.has(node.i)) return null;
    const inside = arrange(node.f);
    const port = inside.x(node.f.p);
    const half = Math.max(port - inside.left, inside.right - port, node.f.m) + PAD;
    return {inside, port, w: 2 * half, h: inside.height};
  });
  const columns = [], bands = fragment.b.map(() => 0);
  fragment.n.forEach((node, index) => {
    const more = grown[index];
    if (!more) return;
    const wider = Math.max(more.w - node.w, 0), same = columns.find(each => Math.abs(each.at - node.x) < NEAR);
    if (same) same.by = Math.max(same.by, wider); else columns.push({at: node.x, by: wider});
    const band = bandOf(fragment, node.y + node.h / 2);
    bands[band] = Math.max(bands[band], more.h - (fragment.b[band][1] - fragment.b[band][0]));
  });
  const x = at => columns.reduce((sum, each) =>
    sum + (at > each.at + NEAR ? each.by / 2 : at < each.at - NEAR ? -each.by / 2 : 0), at);
  const y = at => fragment.b.reduce((sum, band, index) => sum + (at >= band[1] - NEAR ? bands[index] : 0), at);
  const places = fragment.n.map((node, index) => {
    const band = bandOf(fragment, node.y + node.h / 2), high = grown[index] ? grown[index].h : node.h;
    const middle = y(fragment.b[band][0] - 2 * NEAR) + (fragment.b[band][1] - fragment.b[band][0] + bands[band]) / 2;
    return {x: x(node.x), y: middle + 2 * NEAR - high / 2, w: grown[index] ? grown[index].w : node.w, h: high};
  });
  const height = y(fragment.h);
  const ways = fragment.e.map(([source, target, way]) => {
    const points = way.map(([px, py]) => [x(px), y(py)]);
    if (source >= 0) points[0][1] = places[source].y + places[source].h;
    const last = points[points.length - 1];
    last[1] = target < places.length ? places[target].y : height;
    const into = target < places.length && !grown[target];
    return {points, into};
  });
  const dots = fragment.d.map(([px, py]) => [x(px), y(py)]);
  return {fragment, grown, places, ways, dots, x, left: x(-1), right: x(fragment.w + 1), height};
}

function bandOf(fragment, at) {
  return fragment.b.findIndex(band => at <= band[1] + NEAR);
}

function make(name, attributes, parent) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

function write(text, attributes, parent) {
  make('text', attributes, parent).textContent = text;
}

function wayOf(points) {
  const kept = points.filter((point, index) => !index || Math.hypot(point[0] - points[index - 1][0],
    point[1] - points[index - 1][1]) > 0.01);
  let path = `M${kept[0]}`;
  for (let index = 1; index < kept.length - 1; index++) {
    const [before, corner, after] = kept.slice(index - 1, index + 2);
    const toward = end => {
      const far = Math.hypot(end[0] - corner[0], end[1] - corner[1]), by = Math.min(4, far / 2) / far;
      return [corner[0] + (end[0] - corner[0]) * by, corner[1] + (end[1] - corner[1]) * by];
    };
    path += `L${toward(before)}Q${corner} ${toward(after)}`;
  }
  return kept.length > 1 ? `${path}L${kept[kept.length - 1]}` : path;
}

function draw(made, parent) {
  for (const {points, into} of made.ways) {
    const end = points[points.length - 1];
    const line = into ? [...points.slice(0, -1), [end[0], end[1] - 3.5]] : points;
    make('path', {class: 'edge', d: wayOf(line)}, parent);
    if (into) make('path', {class: 'head', d: `M${end}l-1.9-4.4h3.8z`}, parent);
  }
  for (const [cx, cy] of made.dots) make('circle', {class: 'dot', cx, cy, r: 1.7}, parent);
  made.fragment.n.forEach((node, index) => {
    const place = made.places[index], inside = made.grown[index];
    if (inside) drawFrame(node, place, inside, parent); else drawCard(node, place, parent);
  });
}

function drawCard(node, place, parent) {
  const left = place.x - node.w / 2, ink = `var(--${node.k}-edge)`, fill = `var(--${node.k}-fill)`;
  const group = active(node, parent, `node${node.f ? ' opens' : ''}`);
  for (const by of node.c ? [4.8, 2.4] : [])
    make('rect', {x: left + by, y: place.y + by, width: node.w, height: node.h, rx: 3, style: `fill:${fill};stroke:${ink}`,
      'stroke-width': 0.75}, group);
  make('rect', {class: 'card', x: left, y: place.y, width: node.w, height: node.h, rx: 3,
    style: `fill:${fill};stroke:${ink}`, 'stroke-width': 0.75}, group);
  make('rect', {x: left, y: place.y, width: STRIPE, height: node.h, rx: 2, style: `fill:${ink}`}, group);
  const middle = place.x + STRIPE / 2;
  write(node.t, {class: 'title', x: middle, y: place.y + node.h / 2 - 1.8}, group);
  write(node.s, {class: 'shape', x: middle, y: place.y + node.h / 2 + 8}, group);
  if (node.f) write('+', {class: 'name', x: left + node.w - 8, y: place.y + 8.5}, group);
}

function drawFrame(node, place, inside, parent) {
  const left = place.x - place.w / 2;
  const group = active(node, parent, 'frame opens');
  make('rect', {x: left, y: place.y, width: place.w, height: place.h, rx: 4}, group);
  make('rect', {class: 'bar', x: left, y: place.y, width: place.w / 2 - 3, height: 13}, group);
  write(`\u2013 ${node.f.t}`, {class: 'name', x: left + 5, y: place.y + 9.5}, group);
  draw(inside.inside, make('g', {transform: `translate(${place.x - inside.port} ${place.y})`}, group));
}

function active(node, parent, kind) {
  const group = make('g', {class: kind + (found === node.i ? ' found' : ''), tabindex: 0, 'data-name': node.i,
    'aria-label': node.a}, parent);
  group.setAttribute('role', node.f ? 'button' : 'img');
  if (node.f) group.setAttribute('aria-expanded', opened.has(node.i));
  elements.set(node.i, group);
  return group;
}

function show() {
  const made = arrange(data.root), focus = document.activeElement && document.activeElement.getAttribute('data-name');
  world.replaceChildren();
  elements.clear();
  hide();
  draw(made, make('g', {transform: `translate(${-made.left} 0)`}, world));
  size = {w: made.right - made.left, h: made.height};
  place();
  if (focus && elements.has(focus)) elements.get(focus).focus({preventScroll: true});
}

function place() {
  world.setAttribute('transform', `translate(${view.x} ${view.y}) scale(${view.scale})`);
}

function fit() {
  const box = canvas.getBoundingClientRect();
  view.scale = Math.min((box.width - 32) / size.w, (box.height - 32) / size.h, 3);
  view.x = (box.width - size.w * view.scale) / 2;
  view.y = Math.max((box.height - size.h * view.scale) / 2, 16);
  place();
}

function zoom(by, x, y) {
  const scale = Math.min(Math.max(view.scale * by, 0.02), 20), ratio = scale / view.scale;
  view = {x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio, scale};
  place();
}

function toggle(name) {
  const node = nodes.get(name);
  if (!node || !node.f) return;
  const before = elements.get(name).getBoundingClientRect();
  if (!opened.delete(name)) opened.add(name);
  show();
  const after = elements.get(name).getBoundingClientRect(); // its top and middle stay where they were
  view.x += before.x + before.width / 2 - after.x - after.width / 2;
  view.y += before.y - after.y;
  place();
  remember();
  said.textContent = `${name} ${opened.has(name) ? 'expanded' : 'collapsed'}`;
}

function all(open) {
  opened.clear();
  if (open) for (const [name, node] of nodes) if (node.f) opened.add(name);
  show();
  fit();
  remember();
}

function remember() {
  const names = [...nodes.keys()].filter(name => opened.has(name));
  history.replaceState(null, '', `#${names.map(encodeURIComponent).join(',')}`);
}

function recall() {
  opened.clear();
  for (const part of location.hash.slice(1).split(',')) {
    try { reach(decodeURIComponent(part)); } catch { /* an address that somebody cut off: it names nothing */ }
  }
}

function reach(name) {
  for (let each = name; nodes.has(each); each = parents.get(each)) if (nodes.get(each).f) opened.add(each);
}

function find(text) {
  const wanted = text.trim().toLowerCase(), names = [...nodes.keys()];
  const match = !wanted ? null : names.find(name => name.toLowerCase() === wanted) ||
    names.find(name => name.toLowerCase().includes(wanted)) ||
    names.find(name => nodes.get(name).a.toLowerCase().includes(wanted));
  found = match || null;
  if (match && parents.get(match)) reach(parents.get(match));
  show();
  said.textContent = match || (wanted ? 'nothing found' : '');
  if (!match) return;
  const box = canvas.getBoundingClientRect(), at = elements.get(match).getBoundingClientRect();
  const closer = Math.max(1.6 / view.scale, 1);
  view.x += box.x + box.width / 2 - at.x - at.width / 2;
  view.y += box.y + box.height / 2 - at.y - at.height / 2;
  zoom(closer, box.width / 2, box.height / 2);
  remember();
}

function hide() { tip.hidden = true; }

function tell(name, x, y) {
  tip.textContent = nodes.get(name).a;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - box.width - 4))}px`;
  tip.style.top = `${y + 16 + box.height > innerHeight ? Math.max(4, y - box.height - 10) : y + 16}px`;
}

function nameAt(event) {
  const group = event.target.closest && event.target.closest('[data-name]');
  return group ? group.getAttribute('data-name') : null;
}

let drag = null, dragged = false;
canvas.addEventListener('pointerdown', event => {
  drag = {x: event.clientX - view.x, y: event.clientY - view.y, from: [event.clientX, event.clientY]};
  dragged = false;
});
addEventListener('pointermove', event => {
  if (drag && event.buttons) {
    dragged = dragged || Math.hypot(event.clientX - drag.from[0], event.clientY - drag.from[1]) > 4;
    if (dragged) {
      canvas.classList.add('dragged');
      view.x = event.clientX - drag.x;
      view.y = event.clientY - drag.y;
      hide();
      return place();
    }
  }
  const name = canvas.contains(event.target) && nameAt(event);
  if (name) tell(name, event.clientX, event.clientY); else hide();
});
document.documentElement.addEventListener('pointerleave', hide);
addEventListener('pointerup', () => { drag = null; canvas.classList.remove('dragged'); });
canvas.addEventListener('click', event => {
  const name = nameAt(event);
  const isInFrame = name && opened.has(name) && !event.target.classList.contains('bar');
  if (name && !dragged && !isInFrame) toggle(name);
});
canvas.addEventListener('wheel', event => {
  event.preventDefault();
  const box = canvas.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 120 : 500)), event.clientX - box.x, event.clientY - box.y);
}, {passive: false});
canvas.addEventListener('focusin', event => {
  const name = nameAt(event), box = event.target.getBoundingClientRect(), frame = canvas.getBoundingClientRect();
  if (!name || drag) return;
  if (box.bottom > frame.bottom || box.y < frame.y) view.y += frame.y + frame.height / 3 - box.y;
  if (box.right > frame.right || box.x < frame.x) view.x += frame.x + frame.width / 2 - box.x - box.width / 2;
  place();
  const now = event.target.getBoundingClientRect();
  tell(name, now.x, Math.min(now.bottom, frame.bottom - 90) - 12);
});
canvas.addEventListener('focusout', hide);
addEventListener('keydown', event => {
  if (event.target.id === 'search') {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const box = canvas.getBoundingClientRect(), name = nameAt(event);
  const moves = {ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60]};
  if (name && (event.key === 'Enter' || event.key === ' ')) toggle(name);
  else if (event.key === '+' || event.key === '=') zoom(1.25, box.width / 2, box.height / 2);
  else if (event.key === '-') zoom(0.8, box.width / 2, box.height / 2);
  else if (event.key === '0') fit();
  else if (event.key === '/') document.getElementById('search').focus();
  else if (event.key === 'Escape') hide();
  else if (moves[event.key]) { view.x += moves[event.key][0]; view.y += moves[event.key][1]; place(); }
  else return;
  event.preventDefault();
});
document.getElementById('open').onclick = () => all(true);
document.getElementById('close').onclick = () => all(false);
document.getElementById('fit').onclick = fit;
document.getElementById('search').oninput = event => find(event.target.value);
addEventListener('hashchange', () => { recall(); show(); });
addEventListener('resize', fit);

learn(data.root, null);
document.getElementById('names').append(...[...nodes.keys()].map(name => new Option(name)));
if (location.hash.length > 1) recall(); else data.open.forEach(reach);
show();
fit();
