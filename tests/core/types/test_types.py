"""Semantic types: what fits what, and types by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core import types
from synapse_core.errors import NotFoundError, PipelineError, PluginError
from synapse_core.types import (
    STANDARD,
    COCODataset,
    Dataset,
    DataType,
    DMDataset,
    DMv1Dataset,
    Fit,
    Model,
    ModelWeights,
    TypeRegistry,
    YOLODataset,
    compatible,
)

any_type = st.sampled_from(STANDARD)


class TestDataType:
    def test_standard_types_say_what_they_are(self):
        """Each has a name of its own and a description; all that the package shows as a type is in STANDARD."""
        assert len({each.name for each in STANDARD}) == len(STANDARD)
        assert all(each.description for each in STANDARD)
        shown = {getattr(types, name) for name in types.__all__}
        assert {each for each in shown if isinstance(each, type) and issubclass(each, DataType)} == set(STANDARD)

    def test_names_come_from_the_class(self):
        """A class without a name is called like itself, in lower case, with its docstring's first line."""

        class HTTPPointCloudV2(Dataset):
            """Points in space.

            And more of them.
            """

        assert HTTPPointCloudV2.name == "http_point_cloud_v2"
        assert HTTPPointCloudV2.description == "Points in space."

    def test_name_and_description_are_not_inherited_but_the_format_is(self):
        """A subclass is not called like its parent; how its data is laid out it has from there."""

        class SmallYOLO(YOLODataset):
            pass

        assert (SmallYOLO.name, SmallYOLO.description, SmallYOLO.format) == ("small_yolo", "", "yolo")

    def test_well_known_names(self):
        """The names that config files use."""
        names = [each.name for each in (YOLODataset, COCODataset, DMv1Dataset, ModelWeights, types.TensorRTModel)]
        assert names == ["yolo_dataset", "coco_dataset", "dm_v1_dataset", "model_weights", "tensorrt_model"]


class TestCompatible:
    @pytest.mark.parametrize(
        ("output", "wanted", "fit"),
        [
            (YOLODataset, YOLODataset, Fit.FITS),
            (YOLODataset, Dataset, Fit.FITS),
            (DMv1Dataset, DataType, Fit.FITS),
            (Dataset, YOLODataset, Fit.MAY_FIT),
            (YOLODataset, COCODataset, Fit.DOES_NOT_FIT),
            (DMDataset, Model, Fit.DOES_NOT_FIT),
            (None, YOLODataset, Fit.UNSAID),
            (YOLODataset, None, Fit.UNSAID),
            (None, None, Fit.UNSAID),
        ],
    )
    def test_rule(self, output, wanted, fit):
        """The same or a subclass fits, a superclass may, anything else does not, and None says nothing."""
        assert compatible(output, wanted) is fit

    @given(any_type, any_type)
    def test_mirror(self, one, other):
        """What may fit one way fits the other way; what does not fit does not either way round."""
        there, back = compatible(one, other), compatible(other, one)
        assert (there is Fit.DOES_NOT_FIT) == (back is Fit.DOES_NOT_FIT)
        if there is Fit.MAY_FIT:
            assert back is Fit.FITS

    @given(any_type, any_type, any_type)
    def test_fitting_goes_on(self, one, middle, last):
        """What fits into something that fits into a third fits there too."""
        if compatible(one, middle) is Fit.FITS and compatible(middle, last) is Fit.FITS:
            assert compatible(one, last) is Fit.FITS

    @pytest.mark.parametrize("wrong", ["yolo_dataset", str, YOLODataset()])
    def test_anything_else_is_an_error(self, wrong):
        """A name or an instance in place of a class is told, with what it should be."""
        with pytest.raises(PipelineError, match="is no semantic type") as caught:
            compatible(Dataset, wrong)
        assert "classes from synapse_core.types" in str(caught.value)


class PointCloud(Dataset):
    """Points."""


class TestRegistry:
    @pytest.mark.parametrize("data_type", STANDARD)
    def test_by_name_and_by_class_name(self, data_type):
        """Both ways to name a type lead to it."""
        registry = TypeRegistry()
        assert registry.get(data_type.name) is data_type
        assert registry.get(data_type.__name__) is data_type
        assert data_type.name in registry
        assert data_type.__name__ in registry

    def test_types_of_plugins(self):
        """A plugin's type is found once it was added; adding it again changes nothing."""
        registry = TypeRegistry()
        assert "point_cloud" not in registry
        registry.add(PointCloud, plugin="lidar")
        registry.add(PointCloud, plugin="lidar")
        assert registry.get("point_cloud") is PointCloud
        assert len(registry) == len(STANDARD) + 1
        assert list(registry)[-1] is PointCloud

    def test_a_clash_names_both(self):
        """Two types of one name are an error with both classes and both plugins."""
        mine = type("Cloud", (Dataset,), {"name": "point_cloud", "__module__": "mine"})
        registry = TypeRegistry()
        registry.add(PointCloud, plugin="lidar")
        with pytest.raises(PluginError) as caught:
            registry.add(mine, plugin="radar")
        for part in ("'point_cloud'", "PointCloud of plugin 'lidar'", "mine.Cloud of plugin 'radar'"):
            assert part in str(caught.value)
        assert registry.get("point_cloud") is PointCloud

    def test_one_class_name_twice(self):
        """Two classes called alike under names of their own are told apart by these."""
        other = type("PointCloud", (Dataset,), {"name": "sparse_cloud"})
        registry = TypeRegistry([PointCloud, other])
        assert registry.get("sparse_cloud") is other
        with pytest.raises(NotFoundError, match=r"'point_cloud' .* 'sparse_cloud'"):
            registry.get("PointCloud")

    @pytest.mark.parametrize(("wrong", "meant"), [("yolo_datset", "yolo_dataset"), ("YoloDataset", "YOLODataset")])
    def test_unknown_name(self, wrong, meant):
        """What is not known is answered with what may have been meant and with all there is."""
        with pytest.raises(NotFoundError, match=f"did you mean '{meant}'"):
            TypeRegistry().get(wrong)

    @pytest.mark.parametrize("wrong", [str, "yolo", YOLODataset()])
    def test_only_types(self, wrong):
        """What a plugin hands out by mistake is named, and so is the plugin."""
        with pytest.raises(PluginError, match="of plugin 'x' is no subclass"):
            TypeRegistry().add(wrong, plugin="x")
