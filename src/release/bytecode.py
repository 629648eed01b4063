"""Compiles the modules below a folder to bytes that depend on nothing but them and the interpreter.

    bytecode.py FOLDER ROOT PREFIX    (what it is compiled from is named with PREFIX in place of ROOT)

compileall does not: what it writes depends on what else its process has seen, so on the number of processors and on who was first.
Exits with 1 where some modules are no Python of this version; their paths are printed.
"""

import importlib.util
import marshal
import os
import sys
from types import CodeType

# Bytecode that nobody compares with its source (PEP 552).
UNCHECKED_HASH = (0b01).to_bytes(4, "little")
NAMES = ("co_filename", "co_name", "co_qualname", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_consts")


def parts_of(constant):
    """Yields a constant, and all that it is made of."""
    yield constant
    if isinstance(constant, CodeType):
        constant = tuple(getattr(constant, name) for name in NAMES if hasattr(constant, name))
    if isinstance(constant, (tuple, frozenset)):
        for part in constant:
            yield from parts_of(part)


def is_ordered_by_chance(constant):
    """Tells whether a set holds what is hashed by its address."""
    return isinstance(constant, frozenset) and any(part is None or part is ... for part in parts_of(constant))


def compile_module(path, name):
    """Writes the bytecode of a module."""
    with open(path, "rb") as file:
        source = file.read()
    code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    # An object that is known elsewhere is marked, and one that is known here alone is not. While they are held, all are marked.
    held = list(parts_of(code))
    for part in held:
        # These are the same objects for everybody, and it is marked whether anybody has interned them.
        if isinstance(part, str) and len(part) == 1 and part <= "\xff":
            sys.intern(part)
    # Older ones write sets as they lie in memory. Without bytecode the module is compiled whenever it is loaded.
    if sys.version_info < (3, 11) and any(map(is_ordered_by_chance, held)):
        return
    bytecode = importlib.util.cache_from_source(path, optimization="")
    os.makedirs(os.path.dirname(bytecode), exist_ok=True)
    with open(bytecode, "wb") as file:
        file.write(importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source))
        file.write(marshal.dumps(code))


def compile_modules(paths, root, prefix):
    """Writes the bytecode of some, and gives the exit code for that."""
    ended = 0
    for path in paths:
        try:
            compile_module(path, prefix + path[len(root):])
        except OSError:
            raise
        except Exception:
            # Templates, tests of syntax errors: whatever the compiler has to say about them.
            print("no bytecode for", path, flush=True)
            ended = 1
    return ended


def main(folder, root, prefix):
    """Shares the work out to all processors, and gives the worst exit code."""
    if sys.flags.hash_randomization:
        sys.exit("PYTHONHASHSEED is not set, or not obeyed")
    files = (os.path.join(above, name) for above, _, names in os.walk(folder) for name in names)
    paths = sorted(path for path in files if path.endswith(".py") and os.path.isfile(path))
    count = os.cpu_count() or 1
    workers = []
    for at in range(count):
        worker = os.fork()
        if worker == 0:
            ended = 2
            try:
                ended = compile_modules(paths[at::count], root, prefix)
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(ended)
        workers.append(worker)
    statuses = [os.waitpid(worker, 0)[1] for worker in workers]
    return max(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 2 for status in statuses)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
