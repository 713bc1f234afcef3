// Runs the module of the target tests: node wasm.mjs MODULE STACK_BYTES. Its stack is its first STACK_BYTES bytes.
import {readFileSync} from 'node:fs';

const [file, stackBytes] = [process.argv[2], Number(process.argv[3])];
const module = new WebAssembly.Module(readFileSync(file));
for (const {module: from, name, kind} of WebAssembly.Module.imports(module)) {
  console.log(`import ${from} ${name} ${kind}`);
}
// The linker's list of functions, which a product strips: text between bytes that are not.
const [names] = WebAssembly.Module.customSections(module, 'name');
console.log(`functions ${Buffer.from(names).toString('latin1').match(/\w+/g).join(' ')}`);
console.log(`size names ${names.byteLength}`);

const bytes = () => new Uint8Array(instance.exports.memory.buffer);
const print = (at) => {
  const text = bytes().subarray(at);
  process.stdout.write(Buffer.from(text.subarray(0, text.indexOf(0))));
};
const instance = new WebAssembly.Instance(module, {host: {print}});
const painted = 0xA5;
bytes().fill(painted, 0, stackBytes);
const status = instance.exports.firmware();
const untouched = bytes().findIndex((byte) => byte !== painted);
console.log(`size stack ${stackBytes - untouched}`);
console.log(`size pages ${bytes().length}`);
process.exitCode = status;
