"""Permit's official Python SDK, unchanged, against the sandbox's Permit."""

import os
import unittest

from permit import Permit
from permit.exceptions import PermitApiError


class OfficialSdk(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.permit = Permit(
            token=os.environ["PERMIT_API_KEY"],
            pdp=os.environ["PERMIT_PDP_URL"],
            api_url=os.environ["PERMIT_API_URL"],
        )

    async def test_a_synced_user_with_a_role_may_do_what_the_role_permits(self):
        key = "auth0|python-sdk"
        user = await self.permit.api.users.sync({"key": key, "email": "python@example.com"})
        self.assertEqual(user.key, key)
        self.assertFalse(await self.permit.check(key, "get", "task"))
        await self.permit.api.users.assign_role({"user": key, "role": "viewer", "tenant": "default"})
        self.assertTrue(await self.permit.check(key, "get", "task"))
        checks = [
            {"user": key, "action": "get", "resource": "task"},
            {"user": key, "action": "delete", "resource": "task"},
        ]
        self.assertEqual(await self.permit.bulk_check(checks), [True, False])
        roles = await self.permit.api.users.get_assigned_roles(key, tenant="default")
        self.assertEqual([assignment.role for assignment in roles], ["viewer"])
        await self.permit.api.users.unassign_role({"user": key, "role": "viewer", "tenant": "default"})
        self.assertFalse(await self.permit.check(key, "get", "task"))
        await self.permit.api.users.delete(key)
        with self.assertRaises(PermitApiError):
            await self.permit.api.users.get(key)

    async def test_roles_resources_and_tenants_can_be_read_and_changed(self):
        roles = {role.key for role in await self.permit.api.roles.list()}
        self.assertLessEqual({"admin", "manager", "viewer"}, roles)
        attributes = {"private": {"type": "bool", "description": "Not for all"}}
        memo = {"key": "memo", "name": "Memo", "actions": {"read": {}, "shred": {}}, "attributes": attributes}
        resource = await self.permit.api.resources.create(memo)
        self.assertIn("read", resource.actions)
        listed = {resource.key: resource for resource in await self.permit.api.resources.list()}
        self.assertEqual(listed["memo"].attributes["private"].type, "bool")
        await self.permit.api.resources.update("memo", {"actions": {"read": {}}})
        await self.permit.api.roles.create({"key": "reader", "name": "Reader"})
        role = await self.permit.api.roles.assign_permissions("reader", ["memo:read"])
        self.assertEqual(role.permissions, ["memo:read"])
        await self.permit.api.roles.delete("reader")
        await self.permit.api.resources.delete("memo")
        tenant = await self.permit.api.tenants.create({"key": "acme", "name": "Acme"})
        self.assertEqual(tenant.key, "acme")
        users = await self.permit.api.tenants.list_tenant_users("acme")
        self.assertEqual(users.data, [])
        await self.permit.api.tenants.delete("acme")


if __name__ == "__main__":
    unittest.main()
