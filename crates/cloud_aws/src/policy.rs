//! The rights that a user needs, as the document that Amazon takes: nothing but what this crate calls,
//! and changes only of what carries a farm's tag or name.

use crate::provider::FARM_TAG;
use serde_json::{Value, json};

/// The IAM policy for the manager's user. Agents need no rights at all.
pub fn policy() -> Value {
    let tagged = json!({ "Null": { format!("aws:RequestTag/{FARM_TAG}"): "false" } });
    let ours = json!({ "Null": { format!("ec2:ResourceTag/{FARM_TAG}"): "false" } });
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Look",
                "Effect": "Allow",
                "Action": [
                    "ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeInstanceTypes",
                    "ec2:DescribeLaunchTemplates", "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSpotPriceHistory", "ec2:DescribeSubnets",
                    "servicequotas:GetServiceQuota", "sts:GetCallerIdentity"
                ],
                "Resource": "*"
            },
            {
                "Sid": "MakeWithTag",
                "Effect": "Allow",
                "Action": ["ec2:CreateLaunchTemplate", "ec2:CreateSecurityGroup", "ec2:RunInstances"],
                "Resource": [
                    "arn:aws:ec2:*:*:launch-template/*", "arn:aws:ec2:*:*:security-group/*",
                    "arn:aws:ec2:*:*:instance/*"
                ],
                "Condition": tagged
            },
            {
                "Sid": "MakeFrom",
                "Effect": "Allow",
                "Action": ["ec2:CreateFleet", "ec2:CreateSecurityGroup", "ec2:RunInstances"],
                "Resource": [
                    "arn:aws:ec2:*:*:fleet/*", "arn:aws:ec2:*::image/*", "arn:aws:ec2:*:*:subnet/*",
                    "arn:aws:ec2:*:*:vpc/*", "arn:aws:ec2:*:*:volume/*",
                    "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:spot-instances-request/*"
                ]
            },
            {
                "Sid": "UseOurs",
                "Effect": "Allow",
                "Action": ["ec2:CreateFleet", "ec2:RunInstances"],
                "Resource": [
                    "arn:aws:ec2:*:*:launch-template/*", "arn:aws:ec2:*:*:security-group/*",
                    "arn:aws:ec2:*:*:instance/*"
                ],
                "Condition": ours
            },
            {
                "Sid": "TagWhatIsMade",
                "Effect": "Allow",
                "Action": "ec2:CreateTags",
                "Resource": "*",
                "Condition": { "StringEquals": { "ec2:CreateAction": [
                    "CreateFleet", "CreateLaunchTemplate", "CreateSecurityGroup", "RunInstances"
                ] } }
            },
            {
                "Sid": "ChangeOurs",
                "Effect": "Allow",
                "Action": [
                    "ec2:AuthorizeSecurityGroupIngress", "ec2:DeleteLaunchTemplate",
                    "ec2:DeleteSecurityGroup", "ec2:GetConsoleOutput", "ec2:TerminateInstances"
                ],
                "Resource": "*",
                "Condition": ours
            },
            {
                "Sid": "Bucket",
                "Effect": "Allow",
                "Action": [
                    "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteObject", "s3:GetObject",
                    "s3:ListBucket", "s3:PutBucketPublicAccessBlock", "s3:PutLifecycleConfiguration",
                    "s3:PutObject"
                ],
                "Resource": ["arn:aws:s3:::blendnet-*", "arn:aws:s3:::blendnet-*/*"]
            }
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_in_the_documentation_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/aws-policy.json");
        let written: Value = serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
        assert_eq!(written, policy(), "docs/aws-policy.json should be\n{:#}", policy());
    }

    #[test]
    fn nothing_is_allowed_by_a_star() {
        let policy = policy();
        for statement in policy["Statement"].as_array().unwrap() {
            assert!(!statement["Action"].to_string().contains('*'), "{statement}");
            let looks = statement["Sid"] == "Look";
            let everywhere = statement["Resource"] == "*";
            assert!(!everywhere || looks || !statement["Condition"].is_null(), "{statement}");
        }
    }
}
