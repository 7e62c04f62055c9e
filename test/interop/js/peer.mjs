// A js-libp2p peer with Helia's bitswap, for tests: prints {"id","address"}, then answers each line of its input with
// one line of JSON:   connect ADDR   add FILE   get CID FILE   peers
import {createInterface} from 'node:readline';
import {createReadStream, createWriteStream} from 'node:fs';
import {once} from 'node:events';
import {noise} from '@chainsafe/libp2p-noise';
import {yamux} from '@chainsafe/libp2p-yamux';
import {createBitswap} from '@helia/bitswap';
import {identify} from '@libp2p/identify';
import {defaultLogger} from '@libp2p/logger';
import {tcp} from '@libp2p/tcp';
import {multiaddr} from '@multiformats/multiaddr';
import {MemoryBlockstore} from 'blockstore-core';
import {exporter} from 'ipfs-unixfs-exporter';
import {importFile} from 'ipfs-unixfs-importer';
import {createLibp2p} from 'libp2p';
import {CID} from 'multiformats/cid';

const libp2p = await createLibp2p({
    addresses: {listen: ['/ip4/127.0.0.1/tcp/0']},
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {identify: identify()},
});
const blockstore = new MemoryBlockstore();
const routing = {async *findProviders() {}, async *findPeer() {}, async provide() {}};
const bitswap = createBitswap({libp2p, blockstore, logger: defaultLogger(), routing});
await bitswap.start();

/// The store, and behind it the peers.
const blocks = {
    async get(cid, options) {
        if (await blockstore.has(cid))
            return blockstore.get(cid);
        const block = await bitswap.want(cid, options);
        await blockstore.put(cid, block);
        return block;
    },
    put: (cid, block) => blockstore.put(cid, block),
    has: (cid) => blockstore.has(cid),
};

const commands = {
    async connect(address) {
        await libp2p.dial(multiaddr(address));
        return {};
    },
    async add(file) {
        const {cid} = await importFile({content: createReadStream(file)}, blocks, {
            cidVersion: 1,
            rawLeaves: true,
        });
        return {cid: cid.toString()};
    },
    async get(cid, file) {
        const entry = await exporter(CID.parse(cid), blocks, {signal: AbortSignal.timeout(60_000)});
        const out = createWriteStream(file);
        for await (const piece of entry.content())
            if (!out.write(piece))
                await once(out, 'drain');
        out.end();
        await once(out, 'finish');
        return {size: Number(entry.size)};
    },
    async peers() {
        return {peers: libp2p.getPeers().map(String)};
    },
};

console.log(JSON.stringify({id: libp2p.peerId.toString(), address: libp2p.getMultiaddrs()[0].toString()}));
for await (const line of createInterface({input: process.stdin})) {
    const [verb, ...words] = line.split(' ');
    try {
        console.log(JSON.stringify(await commands[verb](...words)));
    } catch (e) {
        console.log(JSON.stringify({error: String(e?.stack ?? e).slice(0, 2000)}));
    }
}
await bitswap.stop();
await libp2p.stop();
process.exit(0);
