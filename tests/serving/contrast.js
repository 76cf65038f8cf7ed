// The visible texts whose contrast with what is behind them is below 4.5:1; patterns count as their own ground.
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = (data) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, share, place) => {
      const value = data[place] / 255;
      return sum + share * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    }, 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !parent.checkVisibility()) continue;
    const grounds = [];
    for (let at = parent; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
    const ground = light(paint(grounds));
    const text = light(paint([...grounds, getComputedStyle(parent).color]));
    const contrast = (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
    if (contrast < 4.5) found.push([walker.currentNode.data.trim(), contrast]);
  }
  return found;
}
