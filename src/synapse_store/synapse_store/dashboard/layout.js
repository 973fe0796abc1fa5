// Where the nodes of a graph stand: layers by the longest way from a root, order in a layer by the neighbours' places.

const SWEEPS = 6;

/** The edges of a run: what each action needs; where nobody has said, each needs the one before it. */
export function needsOf(names, needs) {
  const said = needs && Object.keys(needs).length > 0;
  const known = new Set(names);
  const found = names.map((name, place) => (said ? (needs[name] ?? []) : names.slice(Math.max(place - 1, 0), place)));
  return new Map(names.map((name, place) => [name, found[place].filter((other) => known.has(other) && other !== name)]));
}

/** `{layers, edges}`: layers of names (and of bends, which are objects), edges as lists of what they pass. */
export function layered(names, needs) {
  const depth = depths(names, needs);
  const layers = Array.from({ length: Math.max(-1, ...depth.values()) + 1 }, () => []);
  for (const name of names) layers[depth.get(name)].push(name);
  const edges = [];
  for (const name of names) for (const from of needs.get(name)) edges.push(bent(from, name, depth, layers));
  untangle(layers, edges);
  return { layers, edges };
}

function depths(names, needs) {
  const depth = new Map();
  const visit = (name, trail) => {
    if (depth.has(name)) return depth.get(name);
    if (trail.has(name)) return 0; // a cycle: no pipeline has one, but this must end on any data
    trail.add(name);
    const found = Math.max(-1, ...needs.get(name).map((from) => visit(from, trail))) + 1;
    trail.delete(name);
    depth.set(name, found);
    return found;
  };
  for (const name of names) visit(name, new Set());
  return depth;
}

function bent(from, to, depth, layers) {
  const path = [from];
  for (let layer = depth.get(from) + 1; layer < depth.get(to); layer++) {
    const bend = { bend: true };
    layers[layer].push(bend);
    path.push(bend);
  }
  return [...path, to];
}

function untangle(layers, edges) {
  const before = new Map();
  const after = new Map();
  for (const edge of edges) {
    for (let step = 1; step < edge.length; step++) {
      push(before, edge[step], edge[step - 1]);
      push(after, edge[step - 1], edge[step]);
    }
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    const place = placesOf(layers);
    for (const layer of down ? layers : [...layers].reverse()) {
      arrange(layer, down ? before : after, place);
      layer.forEach((node, index) => place.set(node, middle(index, layer)));
    }
  }
}

function push(map, key, value) {
  if (map.has(key)) map.get(key).push(value);
  else map.set(key, [value]);
}

function placesOf(layers) {
  return new Map(layers.flatMap((layer) => layer.map((node, index) => [node, middle(index, layer)])));
}

function middle(index, layer) {
  return index - (layer.length - 1) / 2;
}

function arrange(layer, neighbours, place) {
  const weight = new Map(
    layer.map((node) => {
      const near = neighbours.get(node) ?? [];
      const sum = near.reduce((total, other) => total + place.get(other), 0);
      return [node, near.length ? sum / near.length : place.get(node)];
    }),
  );
  layer.sort((a, b) => weight.get(a) - weight.get(b));
}
