import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/**
 * Keeps the event loop of this process busy while `run` lasts: each of its turns takes at least `turnMs`, most of it
 * between the timers and what else has come in, as if much had come in before. A message that a socket sends to itself
 * is the first to be read in each turn.
 */
export async function whileBlocked<T>(turnMs: number, run: () => Promise<T>): Promise<T> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.connect(socket.address().port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('message', () => {
    const until = performance.now() + turnMs;
    while (performance.now() < until);
    socket.send('again');
  });
  socket.send('begin');
  try {
    return await run();
  } finally {
    socket.close();
  }
}
