"""A server made of libmodbus (Debian: libmodbus5), in a process of its own: ``port`` as argument.

Registers and bits are filled as ``tests/contract/modbus/test_peers.py`` says. It ends with its
standard input.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
import threading

SIZE = 200
_QUERY = 260


class Mapping(ctypes.Structure):
    _fields_ = (
        ("nb_bits", ctypes.c_int),
        ("start_bits", ctypes.c_int),
        ("nb_input_bits", ctypes.c_int),
        ("start_input_bits", ctypes.c_int),
        ("nb_input_registers", ctypes.c_int),
        ("start_input_registers", ctypes.c_int),
        ("nb_registers", ctypes.c_int),
        ("start_registers", ctypes.c_int),
        ("tab_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_registers", ctypes.POINTER(ctypes.c_uint16)),
        ("tab_registers", ctypes.POINTER(ctypes.c_uint16)),
    )


def library() -> str | None:
    """The name of the library on this computer, None where it is not installed."""
    return ctypes.util.find_library("modbus")


def load(name: str) -> ctypes.CDLL:
    lib = ctypes.CDLL(name)
    lib.modbus_new_tcp.restype = ctypes.c_void_p
    lib.modbus_new_tcp.argtypes = (ctypes.c_char_p, ctypes.c_int)
    lib.modbus_mapping_new.restype = ctypes.POINTER(Mapping)
    lib.modbus_tcp_listen.argtypes = (ctypes.c_void_p, ctypes.c_int)
    lib.modbus_tcp_accept.argtypes = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))
    lib.modbus_receive.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
    lib.modbus_reply.argtypes = (
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.POINTER(Mapping),
    )
    return lib


def serve(name: str, port: int) -> None:
    lib = load(name)
    context = lib.modbus_new_tcp(b"127.0.0.1", port)
    mapping = lib.modbus_mapping_new(SIZE, SIZE, SIZE, SIZE)
    for i in range(SIZE):
        mapping.contents.tab_registers[i] = 3 * i
        mapping.contents.tab_input_registers[i] = 3 * i + 1
        mapping.contents.tab_bits[i] = int(i % 3 == 0)
        mapping.contents.tab_input_bits[i] = int(i % 5 == 0)
    listener = ctypes.c_int(lib.modbus_tcp_listen(context, 8))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    query = ctypes.create_string_buffer(_QUERY)
    while lib.modbus_tcp_accept(context, ctypes.byref(listener)) >= 0:
        while (size := lib.modbus_receive(context, query)) >= 0:
            if size > 0:
                lib.modbus_reply(context, query, size, mapping)


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_input, daemon=True).start()
    found = library()
    assert found is not None, "libmodbus is not installed"
    serve(found, int(sys.argv[1]))
