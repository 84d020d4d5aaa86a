"""Who may open a project board."""

import pytest
from django.contrib.auth.models import AnonymousUser, User

from channels_app.channels import ProjectChannel
from channels_app.models import Membership, Project

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("owner")


@pytest.fixture
def project(owner: User) -> Project:
    return Project.objects.create(name="Lighthouse", owner=owner)


def may_open(user: User | AnonymousUser, project_id: int) -> bool:
    return ProjectChannel.has_permission(user, project_id)


def test_the_owner_may_open_it_without_a_membership(owner: User, project: Project) -> None:
    assert may_open(owner, project.pk) is True


@pytest.mark.parametrize("role", Membership.Role.values)
def test_members_of_every_role_may_open_it(project: Project, role: str) -> None:
    member = User.objects.create_user("member")
    Membership.objects.create(project=project, user=member, role=role)
    assert may_open(member, project.pk) is True


def test_staff_may_open_it(project: Project) -> None:
    assert may_open(User.objects.create_user("staff", is_staff=True), project.pk) is True


def test_a_stranger_may_not(project: Project, owner: User) -> None:
    stranger = User.objects.create_user("stranger")
    Project.objects.create(name="Their own", owner=stranger)
    assert may_open(stranger, project.pk) is False


def test_somebody_who_left_may_not(project: Project) -> None:
    user = User.objects.create_user("member")
    membership = Membership.objects.create(project=project, user=user)
    membership.delete()
    assert may_open(user, project.pk) is False


@pytest.mark.parametrize("staff", [False, True])
def test_an_unknown_project_does_not_exist(staff: bool) -> None:
    user = User.objects.create_user("user", is_staff=staff)
    with pytest.raises(Project.DoesNotExist):
        may_open(user, 404)


def test_the_anonymous_learn_nothing_about_ids(project: Project) -> None:
    assert may_open(AnonymousUser(), project.pk) is False
    assert may_open(AnonymousUser(), 404) is False


def test_visible_to_names_a_project_once_however_many_members_it_has(
    project: Project, owner: User
) -> None:
    for user in (owner, *(User.objects.create_user(f"member{n}") for n in range(3))):
        Membership.objects.create(project=project, user=user)
    assert list(Project.objects.visible_to(owner)) == [project]
