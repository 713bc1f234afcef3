"""Operations that note, in backward, which share of a gradient rounding decides about in fp32."""
import torch
import torch.nn.functional as F

# Numbers closer than this, in units of the layer's root mean square, are one number: as far as the largest of a residual
# net's million ReLU inputs is off.
ROUNDING = 1e-5


class watched_relu(torch.autograd.Function):
    """ReLU that notes, in backward, which share of the gradient passes inputs that fp32 cannot tell from zero."""

    @staticmethod
    def forward(ctx, z, doubts):
        ctx.save_for_backward(z)
        ctx.doubts = doubts
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        z, = ctx.saved_tensors
        passed = gradient * (z > 0)
        unclear = gradient[z.abs() <= ROUNDING * z.square().mean().sqrt()]
        ctx.doubts.append(float(unclear.norm() / passed.norm().clamp(min=1e-300)))
        return passed, None


def watched_max_pool(doubts):
    """F.max_pool2d that notes which share of the gradient comes from windows whose two largest numbers fp32 cannot tell
    apart: another one would get it. Equal ones are no matter: behind a ReLU none of them gets any."""
    class pool(torch.autograd.Function):
        @staticmethod
        def forward(ctx, h, kernel, stride, padding):
            windows = F.unfold(F.pad(h, (padding,) * 4, value=-1e30).flatten(0, 1)[:, None], kernel, stride=stride)
            largest = windows.topk(min(2, windows.shape[1]), 1).values
            gap = largest[:, 0] - largest[:, -1]
            with torch.enable_grad():
                ctx.x = h.detach().requires_grad_()
                ctx.y = F.max_pool2d(ctx.x, kernel, stride, padding)
            ctx.unclear = (gap > 0) & (gap <= ROUNDING * h.square().mean().sqrt())
            return ctx.y.detach()

        @staticmethod
        def backward(ctx, gradient):
            unclear = gradient.flatten()[ctx.unclear.flatten()]
            doubts.append(float(unclear.norm() / gradient.norm().clamp(min=1e-300)))
            return torch.autograd.grad(ctx.y, ctx.x, gradient)[0], None, None, None

    return pool.apply
