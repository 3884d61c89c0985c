/**
 * As much of Steam as the daemon asks without a key: the details call of
 * ISteamRemoteStorage and the host of the files, on loopback.
 */

import { createServer } from 'node:http';

/**
 * @typedef {object} Item
 * @property {string} title
 * @property {number} updated
 * @property {string} [description]
 * @property {string[]} [tags]
 * @property {Buffer} [content] Absent: an item without a file to download.
 */

/** @param {Map<string, Item>} items By decimal id. */
export async function startSteam(items) {
  let base = '';
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', base);
    const file = /^\/ugc\/(\d+)\//.exec(url.pathname);
    if (file) {
      const content = items.get(file[1])?.content;
      response.writeHead(content ? 200 : 404, { 'Content-Length': content?.length ?? 0 }).end(content);
      return;
    }
    let text = '';
    for await (const chunk of request) text += chunk;
    const details = [...new URLSearchParams(text)]
      .filter(([name]) => name.startsWith('publishedfileids['))
      .map(([, id]) => describe(base, id, items.get(id)));
    response.writeHead(200, { 'Content-Type': 'application/json; charset=UTF-8' });
    response.end(
      JSON.stringify({ response: { result: 1, resultcount: details.length, publishedfiledetails: details } }),
    );
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  base = `http://127.0.0.1:${address.port}`;
  return {
    url: base,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * @param {string} base
 * @param {string} id
 * @param {Item | undefined} item
 */
function describe(base, id, item) {
  if (!item) return { publishedfileid: id, result: 9 };
  return {
    publishedfileid: id,
    result: 1,
    creator_app_id: 4920,
    consumer_app_id: 4920,
    title: item.title,
    description: item.description ?? '',
    tags: (item.tags ?? []).map((tag) => ({ tag })),
    time_created: item.updated - 1000,
    time_updated: item.updated,
    file_size: item.content?.length ?? 1000,
    file_url: item.content ? `${base}/ugc/${id}/` : '',
    hcontent_file: item.content ? '0' : '77',
    filename: '',
    visibility: 0,
    banned: 0,
  };
}
