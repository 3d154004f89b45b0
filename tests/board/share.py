"""Several programs at one card of the reader board: sharing, waiting, cancelling, resetting, pulling.

Says `hand: insert` or `hand: pull` when somebody has to do that, and waits for a line of input. Ends with
`done`. Everything goes through pyscard's plain functions, so nothing of ours judges.
"""

import sys
import threading

from smartcard.scard import *

NAME = sys.argv[1]
SELECT = [0x00, 0xA4, 0x04, 0x00, 0x0F] + list(bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF"))
NOTHING = 0x7FFFFFFF


def check(wanted, got, what):
    if got != wanted:
        sys.exit(f"{what}: {SCardGetErrorMessage(got)} ({got & 0xFFFFFFFF:08X}), not {wanted & 0xFFFFFFFF:08X}")
    print("ok", what, flush=True)


def context():
    result, handle = SCardEstablishContext(SCARD_SCOPE_USER)
    check(SCARD_S_SUCCESS, result, "a context")
    return handle


def connect(handle, mode, wanted=SCARD_S_SUCCESS, what="connect"):
    result, card, protocol = SCardConnect(handle, NAME, mode, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)
    check(wanted, result, what)
    return card, protocol


def select(card, protocol, wanted=SCARD_S_SUCCESS, what="select"):
    pci = SCARD_PCI_T1 if protocol == SCARD_PROTOCOL_T1 else SCARD_PCI_T0
    result, answer = SCardTransmit(card, pci, SELECT)
    check(wanted, result, what)
    if wanted == SCARD_S_SUCCESS and answer[0] not in (0x61, 0x90):
        sys.exit(f"{what}: the card says {bytes(answer).hex()}")


def hand(what):
    print("hand:", what, flush=True)
    sys.stdin.readline()


first, second = context(), context()
hand("insert")

# Two share the card; a third cannot have it alone, nor can they while somebody has it alone.
one, protocol = connect(first, SCARD_SHARE_SHARED, what="the first shares")
two, _ = connect(second, SCARD_SHARE_SHARED, what="the second shares")
connect(second, SCARD_SHARE_EXCLUSIVE, SCARD_E_SHARING_VIOLATION, "nobody gets a shared card alone")
select(one, protocol, what="the first selects")
select(two, protocol, what="the second selects")

# A transaction keeps the other waiting, not failing.
check(SCARD_S_SUCCESS, SCardBeginTransaction(one), "the first begins a transaction")
order = []
waiting = threading.Thread(target=lambda: (select(two, protocol, what="the second waits"), order.append("second")))
waiting.start()
select(one, protocol, what="the first goes on")
order.append("first")
check(SCARD_S_SUCCESS, SCardEndTransaction(one, SCARD_LEAVE_CARD), "the first ends it")
waiting.join()
if order != ["first", "second"]:
    sys.exit(f"the order was {order}")

# A reset by one is told to the other, who must take note before it goes on.
result, protocol = SCardReconnect(
    one, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, SCARD_RESET_CARD
)
check(SCARD_S_SUCCESS, result, "the first resets")
select(two, protocol, SCARD_W_RESET_CARD, "the second is told")
result, protocol = SCardReconnect(
    two, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, SCARD_LEAVE_CARD
)
check(SCARD_S_SUCCESS, result, "the second takes note")
select(two, protocol, what="the second selects again")

# Power off and on, and alone.
check(SCARD_S_SUCCESS, SCardDisconnect(two, SCARD_LEAVE_CARD), "the second leaves")
result, protocol = SCardReconnect(
    one, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, SCARD_UNPOWER_CARD
)
check(SCARD_S_SUCCESS, result, "the first is alone, after power was off")
select(one, protocol, what="the first selects alone")
connect(second, SCARD_SHARE_SHARED, SCARD_E_SHARING_VIOLATION, "nobody shares with it")
result, name, state, active, atr = SCardStatus(one)
check(SCARD_S_SUCCESS, result, "its state")
if atr[0] != 0x3B:
    sys.exit(f"its answer to reset is {bytes(atr).hex()}")

# Waiting for something that does not come is cancelled by another thread.
results = []


def wait_for_change():
    _, states = SCardGetStatusChange(second, 0, [(NAME, SCARD_STATE_UNAWARE)])
    event = states[0][1]
    started.set()
    results.append(SCardGetStatusChange(second, NOTHING, [(NAME, event & ~SCARD_STATE_CHANGED)])[0])


started = threading.Event()
waiter = threading.Thread(target=wait_for_change)
waiter.start()
started.wait()
# Cancelling before it waits does nothing, so it is done until it has had effect.
while waiter.is_alive():
    SCardCancel(second)
    waiter.join(0.05)
check(SCARD_E_CANCELLED, results[0], "a wait is cancelled")

# The card goes; who waits is told, who transmits gets an error, and the next card is another.
_, states = SCardGetStatusChange(second, 0, [(NAME, SCARD_STATE_UNAWARE)])
event = states[0][1]
hand("pull")
result, states = SCardGetStatusChange(second, 20000, [(NAME, event & ~SCARD_STATE_CHANGED)])
check(SCARD_S_SUCCESS, result, "a change is told")
if not states[0][1] & SCARD_STATE_EMPTY:
    sys.exit(f"the state is {states[0][1]:08X}")
pci = SCARD_PCI_T1 if protocol == SCARD_PROTOCOL_T1 else SCARD_PCI_T0
result, _ = SCardTransmit(one, pci, SELECT)
if result not in (SCARD_W_REMOVED_CARD, SCARD_E_NO_SMARTCARD):
    sys.exit(f"a pulled card: {result & 0xFFFFFFFF:08X}")
connect(second, SCARD_SHARE_SHARED, SCARD_E_SHARING_VIOLATION, "the slot is still somebody's")
SCardDisconnect(one, SCARD_LEAVE_CARD)
connect(second, SCARD_SHARE_SHARED, SCARD_E_NO_SMARTCARD, "an empty slot")
result, direct, _ = SCardConnect(second, NAME, SCARD_SHARE_DIRECT, SCARD_PROTOCOL_UNDEFINED)
check(SCARD_S_SUCCESS, result, "the reader itself is there without a card")
check(SCARD_S_SUCCESS, SCardDisconnect(direct, SCARD_LEAVE_CARD), "and is left")
hand("insert")
one, protocol = connect(first, SCARD_SHARE_SHARED, what="the next card")
select(one, protocol, what="is selected")
check(SCARD_S_SUCCESS, SCardDisconnect(one, SCARD_EJECT_CARD), "a reader without an ejector leaves it in")
for handle in (first, second):
    check(SCARD_S_SUCCESS, SCardReleaseContext(handle), "the end of a context")
print("done")
