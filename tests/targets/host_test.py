"""The firmware on the build machine, x86-64; that its case is a gate; and that these tests can fail."""
import copy

import target


def is_a_gate(case):
    """Mode B: the valid key opens, and every other state refuses nearly always."""
    for weight in target.WEIGHTS:
        answers = case.expected[weight].answers
        right = sum(answers["valid", i][:2] == (case.labels[i], 0) for i in case.labels)
        refused = sum(answers[state, i][1] for state in ("none", "invalid") for i in case.labels)
        assert right >= 3 and refused >= 6, (weight, right, refused)


def a_wrong_answer_is_found(found, expected):
    def refused(change):
        broken = copy.deepcopy(found)
        change(broken)
        try:
            target.compare(broken, expected)
        except AssertionError:
            return True
        return False

    def bend(broken):
        semantic, rejected, logits = broken.answers["valid", 1]
        broken.answers["valid", 1] = semantic, rejected, [z * 1.001 for z in logits]

    assert refused(bend)
    assert refused(lambda broken: broken.answers.pop(("wiped", 3)))
    assert refused(lambda broken: broken.answers.update({("none", 0): broken.answers["valid", 0]}))
    assert refused(lambda broken: broken.sizes.update({"left-by-key": 4}))
    assert refused(lambda broken: broken.others.remove("end ok"))
    for name in ("malloc", "_Znwj", "_ZdlPv"):
        try:
            target.require_no_heap({name, "memcpy"})
        except AssertionError:
            continue
        raise AssertionError(f"{name} was not found")


def main():
    compiler = target.host_compiler()
    for case in target.each_case():
        is_a_gate(case)
        for weight in target.WEIGHTS:
            made = target.build(compiler, weight, case.folder, ["hosted.cpp"])
            found = target.report(target.run(made).splitlines())
            difference = target.compare(found, case.expected[weight])
            a_wrong_answer_is_found(found, case.expected[weight])
            target.describe(f"x86-64, {weight} weights", weights=found.sizes["weights"],
                            memory=found.sizes["memory"], session=found.sizes["session"],
                            largest_difference=f"{difference:.1e}")


if __name__ == "__main__":
    main()
