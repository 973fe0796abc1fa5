"""Rules of leases: one engine a run, and a write with an old epoch is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from synapse_core.errors import LeaseLostError
from synapse_core.protocols import Lease, Store
from synapse_core.testing.store.rules import Rules
from synapse_core.testing.store.samples import begun, log
from synapse_core.testing.waiting import raises, until

_SHORT = 0.05
"""Seconds that a lease lives in a test that waits for its end."""


class LeaseRules(Rules):
    """What a store does with leases."""

    def test_a_claim_gives_a_lease(self) -> None:
        """It says whose it is, and when it ends unless it is renewed."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            assert await store.lease(run_id) is None
            before = datetime.now(UTC)
            lease = await store.acquire(run_id, "me", 60)
            after = datetime.now(UTC)
            assert (lease.run_id, lease.owner) == (run_id, "me")
            assert lease.epoch >= 1
            assert before <= lease.expires_at - timedelta(seconds=60) <= after
            assert await store.lease(run_id) == lease

        self.run(body)

    def test_a_live_lease_is_respected(self) -> None:
        """Another owner is refused, and told whose the run is."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            lease = await store.acquire(run_id, "first", 60)
            with raises(LeaseLostError, "first", run_id) as caught:
                await store.acquire(run_id, "second", 60)
            assert getattr(caught[0], "lease", None) == lease
            await store.append(run_id, [log(1)], lease=lease)

        self.run(body)

    def test_of_many_claims_one_wins(self) -> None:
        """A claim is atomic."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            claims = (store.acquire(run_id, f"owner {number}", 60) for number in range(20))
            given = await asyncio.gather(*claims, return_exceptions=True)
            won = [lease for lease in given if isinstance(lease, Lease)]
            assert len(won) == 1
            assert [type(lost) for lost in given if lost is not won[0]] == [LeaseLostError] * 19
            await store.append(run_id, [log(1)], lease=won[0])

        self.run(body)

    def test_runs_are_claimed_one_by_one(self) -> None:
        """A lease on one run says nothing of another."""

        async def body(store: Store) -> None:
            first, second = await begun(store), await begun(store)
            await store.acquire(first, "me", 60)
            assert (await store.acquire(second, "you", 60)).owner == "you"

        self.run(body)

    def test_the_same_owner_may_claim_again(self) -> None:
        """The epoch rises, and what the owner wrote with before is refused: it may be an engine that hung."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            old = await store.acquire(run_id, "me", 60)
            new = await store.acquire(run_id, "me", 60)
            assert new.epoch > old.epoch
            await self._check_lost(store, old)
            await store.append(run_id, [log(1)], lease=new)

        self.run(body)

    def test_an_expired_lease_can_be_taken(self) -> None:
        """From then on whatever the old owner does is refused, and written nowhere."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            old = await store.acquire(run_id, "first", _SHORT)
            new = await _taken(store, run_id, "second")
            assert new.epoch > old.epoch
            await self._check_lost(store, old)
            assert await store.append(run_id, [log(2)], lease=new) == 2
            assert (await store.renew(new, 60)).epoch == new.epoch

        self.run(body)

    def test_an_expired_lease_that_nobody_took_is_good(self) -> None:
        """An engine that was away for long goes on, as long as no other has the run."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            lease = await store.acquire(run_id, "me", _SHORT)
            await until(lambda: datetime.now(UTC) > lease.expires_at, "the lease's end")
            await store.append(run_id, [log(1)], lease=lease)
            renewed = await store.renew(lease, 60)
            with raises(LeaseLostError):
                await store.acquire(run_id, "another", 60)
            assert renewed.epoch == lease.epoch

        self.run(body)

    def test_a_renewed_lease_lives_on(self) -> None:
        """Its end moves; the epoch stays, so that the lease first given is good for every write."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            lease = await store.acquire(run_id, "me", 30)
            renewed = await store.renew(lease, 90)
            assert (renewed.epoch, renewed.owner) == (lease.epoch, "me")
            assert renewed.expires_at > lease.expires_at
            assert await store.lease(run_id) == renewed
            await store.append(run_id, [log(1)], lease=lease)
            await store.renew(lease, 90)

        self.run(body)

    def test_a_run_given_back_is_free(self) -> None:
        """Another may claim it at once, and its epoch is higher."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            lease = await store.acquire(run_id, "first", 60)
            await store.release(lease)
            assert await store.lease(run_id) is None
            taken = await store.acquire(run_id, "second", 60)
            assert taken.epoch > lease.epoch
            await self._check_lost(store, lease)

        self.run(body)

    def test_giving_back_what_is_lost_does_nothing(self) -> None:
        """The lease of the one who has the run now stays."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            old = await store.acquire(run_id, "first", 60)
            new = await store.acquire(run_id, "second", 60, over=old)
            await store.release(old)
            await store.release(old)
            assert await store.lease(run_id) == new
            await store.append(run_id, [log(1)], lease=new)

        self.run(body)

    def test_a_lease_known_to_be_dead_is_taken_over(self) -> None:
        """``over`` the newest lease, live or not; over an older one it is refused."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            dead = await store.acquire(run_id, "dead", 60)
            with raises(LeaseLostError):
                await store.acquire(run_id, "second", 60)
            second = await store.acquire(run_id, "second", 60, over=dead)
            assert second.epoch > dead.epoch
            with raises(LeaseLostError):
                await store.acquire(run_id, "third", 60, over=dead)
            await self._check_lost(store, dead)
            await store.append(run_id, [log(1)], lease=second)

        self.run(body)

    def test_who_has_no_lease_is_not_fenced(self) -> None:
        """Anybody may ask for a cancel, whoever holds the run."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            await store.acquire(run_id, "me", 60)
            assert await store.append(run_id, [log(1)]) == 2

        self.run(body)

    @staticmethod
    async def _check_lost(store: Store, lease: Lease) -> None:
        """Neither write nor renewal is let through, and nothing is written."""
        before = len(await store.read(lease.run_id))
        with raises(LeaseLostError):
            await store.append(lease.run_id, [log(99)], lease=lease)
        with raises(LeaseLostError):
            await store.renew(lease, 60)
        assert len(await store.read(lease.run_id)) == before


async def _taken(store: Store, run_id: str, owner: str) -> Lease:
    """A claim, tried until the lease of the one before has expired."""

    async def claim() -> Lease | None:
        try:
            return await store.acquire(run_id, owner, 60)
        except LeaseLostError:
            return None

    lease: Lease = await until(claim, "an expired lease")
    return lease
